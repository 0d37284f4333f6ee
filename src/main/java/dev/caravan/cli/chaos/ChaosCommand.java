// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import static java.util.Objects.requireNonNullElse;

import dev.caravan.cli.chaos.audit.ChaosOutage;
import dev.caravan.cli.chaos.audit.ChaosWrite;
import dev.caravan.cli.chaos.audit.StarvationDetector;
import dev.caravan.cli.process.OptionCheck;
import dev.caravan.connector.DeliveryGuarantee;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code caravan chaos}: injects faults while documents change, and audits the records. */
@Command(
    name = "chaos",
    description = {
      "Starts workers in processes of their own, writes documents, injects one random fault after"
          + " the other, and compares the records in Kafka with the written documents. The exit"
          + " status is 1 if a record is missing, out of order, or repeated against the guarantee."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
public final class ChaosCommand implements Callable<Integer> {
  /** The time for all records to arrive after the last fault. */
  private static final Duration RECOVERY = Duration.ofMinutes(2);

  private static final int PAUSE_MIN_MILLIS = 500;
  private static final int PAUSE_SPREAD_MILLIS = 2500;

  /** More than a topic accepts by default. */
  private static final int REFUSED_BYTES = 3_000_000;

  private static final int REFUSED_MAX_MILLIS = 3000;

  @Spec private CommandSpec spec;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "60",
      description = "The duration of the faults in seconds (default: ${DEFAULT-VALUE}).")
  private int seconds;

  @Option(
      names = "--seed",
      paramLabel = "X",
      description =
          "Repeats the faults of an earlier run. Each run prints its seed (default: random).")
  private @Nullable Long seed;

  @Option(
      names = "--guarantee",
      paramLabel = "G",
      description =
          "Runs connectors of this guarantee only: ${COMPLETION-CANDIDATES} (default: both).")
  private @Nullable DeliveryGuarantee guarantee;

  @Option(
      names = "--workers",
      paramLabel = "N",
      defaultValue = "1",
      description = "The number of worker processes (default: ${DEFAULT-VALUE}).")
  private int workerCount;

  @Option(
      names = "--faults",
      paramLabel = "TEXT",
      split = ",",
      description =
          "Injects only faults with one of these texts in their names, such as 'killed' or"
              + " 'network' (default: all).")
  private List<String> only = List.of();

  @Option(
      names = "--pause",
      paramLabel = "S",
      defaultValue = "0",
      description =
          "The minimum time between two faults in seconds (default: 0.5 to 3, at random). Above the"
              + " session timeout of 10 s, the effects of faults do not overlap.")
  private int pause;

  @Option(
      names = "--load",
      paramLabel = "N",
      defaultValue = "0",
      description = "The number of threads that keep processors busy (default: ${DEFAULT-VALUE}).")
  private int load;

  @Option(
      names = "--brokers",
      paramLabel = "HOST:PORT",
      description =
          "Uses your Kafka cluster instead of an embedded broker, without faults of the broker and"
              + " of the network to it. The topics of the run are deleted at the end.")
  private @Nullable String brokers;

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "500",
      description = "The number of writes per second (default: ${DEFAULT-VALUE}).")
  private int rate;

  @Option(
      names = "--vbuckets",
      paramLabel = "N",
      defaultValue = "64",
      description = "The number of vBuckets, 1 to 1024 (default: ${DEFAULT-VALUE}).")
  private int vbuckets;

  @Option(
      names = "--couchbase",
      paramLabel = "URL",
      description =
          "Uses your bucket, couchbase://host[:port]/bucket, instead of the sandbox, without faults"
              + " of Couchbase and of the network to it.")
  private @Nullable String couchbase;

  @Option(
      names = "--username",
      paramLabel = "USER",
      defaultValue = "Administrator",
      description = "The user for --couchbase (default: ${DEFAULT-VALUE}).")
  private String username;

  @Option(
      names = "--password",
      paramLabel = "PASSWORD",
      interactive = true,
      arity = "0..1",
      defaultValue = "${env:CARAVAN_CHAOS_PASSWORD}",
      description =
          "Asks for the password for --couchbase (default: the environment variable"
              + " CARAVAN_CHAOS_PASSWORD).")
  private @Nullable String password;

  @Override
  public Integer call() throws Exception {
    OptionCheck.requireAtLeast(spec, "--workers", 1, workerCount);
    OptionCheck.requireAtLeast(spec, "--rate", 1, rate);
    OptionCheck.requireAtLeast(spec, "--load", 0, load);
    long chosen = seed == null ? new Random().nextInt(1_000_000) : seed;
    say(
        "chaos: seed=%d guarantee=%s seconds=%d rate=%d/s workers=%d load=%d",
        chosen, guarantee == null ? "both" : guarantee, seconds, rate, workerCount, load);
    String given = brokers;
    try (ChaosTarget target = target();
        ChaosKafka kafka = given == null ? ChaosKafka.start(workerCount) : ChaosKafka.at(given)) {
      return run(chosen, target, kafka) ? 0 : 1;
    }
  }

  private ChaosTarget target() throws IOException {
    return couchbase == null
        ? ChaosSandbox.start(vbuckets)
        : ExternalCouchbase.connect(couchbase, username, requireNonNullElse(password, ""));
  }

  private boolean run(long chosen, ChaosTarget target, ChaosKafka kafka) throws Exception {
    // Topics of earlier runs have other names.
    String prefix = "chaos-" + chosen + "-" + System.currentTimeMillis() + "-";
    String group = prefix + "workers";
    List<ChaosConnector> connectors =
        ChaosConnector.of(prefix, guarantees(), target.connectorConfig(), rate);
    String offsets = group + "-offsets";
    kafka.createTopics(connectors.stream().map(ChaosConnector::topic).toList(), offsets);
    List<ChaosOutage> outages = new CopyOnWriteArrayList<>();
    try (ChaosWorkers workers =
            new ChaosWorkers(workerCount, group, kafka, target, connectors, vbuckets, outages);
        CpuLoad busy = new CpuLoad(load);
        StarvationDetector lag = new StarvationDetector(outages)) {
      workers.start();
      busy.start();
      lag.start();
      List<ChaosFault> faults = new ArrayList<>(target.faults());
      faults.addAll(workers.faults());
      faults.addAll(kafka.faults(outages));
      faults.addAll(new ChaosNetwork(kafka, target, workers, outages).faults());
      faults.add(
          new ChaosFault("document refused", random -> refuse(random, target, prefix, outages)));
      faults.removeIf(fault -> !isWanted(fault));
      if (faults.isEmpty()) {
        throw new ParameterException(
            spec.commandLine(),
            "--faults matches no fault: \""
                + String.join(",", only)
                + "\". Use a part of a fault's name.");
      }
      ChaosWriter writer = new ChaosWriter(target, prefix, rate, chosen);
      writer.start();
      long start = System.currentTimeMillis();
      int count = injectFaults(chosen, faults);
      writer.finish();
      List<ChaosWrite> writes = target.writes();
      say("chaos: %d documents written, waiting until they are in Kafka", writes.size());
      boolean right =
          new ChaosReport(kafka, offsets, prefix, target, outages, workerCount, RECOVERY)
              .of(connectors, writes, start, count, this::say);
      if (!right) {
        workers.statuses().forEach(status -> say("chaos: the tasks are %s", status));
      }
      return right;
    } finally {
      kafka.deleteTopics(prefix);
    }
  }

  private List<DeliveryGuarantee> guarantees() {
    return guarantee == null ? List.of(DeliveryGuarantee.values()) : List.of(guarantee);
  }

  private boolean isWanted(ChaosFault fault) {
    return only.isEmpty() || only.stream().anyMatch(fault.name()::contains);
  }

  /** Injects faults and returns their number. */
  private int injectFaults(long chosen, List<ChaosFault> faults) throws Exception {
    Random random = new Random(chosen);
    int count = 0;
    long start = System.nanoTime();
    long end = start + TimeUnit.SECONDS.toNanos(seconds);
    while (System.nanoTime() - end < 0) {
      int millis = PAUSE_MIN_MILLIS + random.nextInt(PAUSE_SPREAD_MILLIS);
      TimeUnit.MILLISECONDS.sleep(Math.max(millis, TimeUnit.SECONDS.toMillis(pause)));
      ChaosFault fault = faults.get(random.nextInt(faults.size()));
      double at = (System.nanoTime() - start) / 1e9;
      // Its own random source, so that the next fault does not depend on how much this one draws.
      String what = fault.action().strike(new Random(random.nextLong()));
      count++;
      say("chaos: %6.1f s %s: %s", at, fault.name(), what);
    }
    return count;
  }

  /** Writes a document that is too large for any topic, and replaces it by a small one later. */
  private static String refuse(
      Random random, ChaosTarget target, String prefix, List<ChaosOutage> outages)
      throws InterruptedException {
    byte[] noise = new byte[REFUSED_BYTES];
    random.nextBytes(noise);
    String documentId = prefix + "large";
    int millis = random.nextInt(REFUSED_MAX_MILLIS);
    long start = System.currentTimeMillis();
    target.upsert(documentId, '"' + Base64.getEncoder().encodeToString(noise) + '"');
    TimeUnit.MILLISECONDS.sleep(millis);
    target.upsert(documentId, "\"small\"");
    outages.add(
        new ChaosOutage(
            ChaosOutage.OutageKind.REFUSED,
            start,
            System.currentTimeMillis(),
            ChaosOutage.EVERYTHING));
    return "made smaller after " + millis + " ms";
  }

  private void say(String format, @Nullable Object... values) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(Locale.ROOT, format + "%n", values);
    out.flush();
  }
}
