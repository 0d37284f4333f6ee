// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static java.util.Objects.requireNonNullElse;

import dev.caravan.sandbox.KafkaBroker;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code caravan chaos}: breaks things while documents are written, and audits what arrived. */
@Command(
    name = "chaos",
    description = {
      "Runs workers in processes of their own, writes documents, breaks one thing after the other at "
          + "random, and then holds what is in Kafka against what was written. It ends with status 1 if "
          + "anything is missing, out of order, or there more often than the guarantee allows."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class ChaosCommand implements Callable<Integer> {
  private static final String TOPIC_PREFIX = "copy-";
  private static final int PARTITIONS = 4;

  /** How long everything may take to be in Kafka after the last fault. */
  private static final Duration RECOVERY = Duration.ofMinutes(2);

  private static final int PAUSE_MIN_MILLIS = 500;
  private static final int PAUSE_SPREAD_MILLIS = 2500;
  private static final int DOWN_MAX_MILLIS = 3000;

  @Spec private CommandSpec spec;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "60",
      description = "For how long things break (default: ${DEFAULT-VALUE}).")
  private int seconds;

  @Option(
      names = "--seed",
      paramLabel = "X",
      description = "Repeats the faults of an earlier run, which printed its seed.")
  private @Nullable Long seed;

  @Option(
      names = "--guarantee",
      paramLabel = "G",
      defaultValue = "at_least_once",
      description = "at_least_once or exactly_once (default: ${DEFAULT-VALUE}).")
  private String guarantee;

  @Option(
      names = "--workers",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "How many workers share the load (default: ${DEFAULT-VALUE}). With more than one, some are "
              + "gone for longer, and the connector is changed and deleted meanwhile.")
  private int workerCount;

  @Option(
      names = "--rate",
      paramLabel = "N",
      defaultValue = "500",
      description = "How many documents are written a second (default: ${DEFAULT-VALUE}).")
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
          "A bucket to write to, couchbase://host[:port]/bucket, instead of the sandbox; the faults "
              + "are then those of the worker and of Kafka.")
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
          "Asks for the password for --couchbase; else it is that of CARAVAN_CHAOS_PASSWORD.")
  private @Nullable String password;

  @Override
  public Integer call() throws Exception {
    if (!List.of("at_least_once", "exactly_once").contains(guarantee)) {
      throw new ParameterException(
          spec.commandLine(),
          "--guarantee must be at_least_once or exactly_once, not '" + guarantee + "'.");
    }
    long chosen = seed == null ? new Random().nextInt(1_000_000) : seed;
    say(
        "chaos: seed=%d guarantee=%s seconds=%d rate=%d/s workers=%d",
        chosen, guarantee, seconds, rate, workerCount);
    try (ChaosTarget target = target();
        KafkaBroker kafka = KafkaBroker.start()) {
      return run(chosen, target, kafka) ? 0 : 1;
    }
  }

  private boolean run(long chosen, ChaosTarget target, KafkaBroker kafka) throws Exception {
    Map<String, String> config = connectorConfig(target);
    String topic = TOPIC_PREFIX + config.get("couchbase.bucket");
    createTopic(kafka.bootstrapServers(), topic);
    try (ChaosWorkers workers =
        new ChaosWorkers(
            workerCount,
            kafka.bootstrapServers(),
            System.getProperty("caravan.log.level", "ERROR"),
            config)) {
      workers.start();
      String prefix = "chaos-" + chosen + "-" + System.currentTimeMillis() + "-";
      ChaosWriter writer = new ChaosWriter(target, prefix, rate, chosen);
      writer.start();
      List<Long> faults = breakThings(chosen, target, kafka, workers);
      writer.finish();
      List<ChaosWrite> writes = target.writes();
      say("chaos: %d documents written, waiting until they are in Kafka", writes.size());
      try (ChaosTopic records = new ChaosTopic(kafka.bootstrapServers(), topic, prefix)) {
        return audit(writes, records, workers, faults);
      }
    }
  }

  private ChaosTarget target() throws IOException {
    return couchbase == null
        ? ChaosSandbox.start(vbuckets)
        : ChaosNode.connect(couchbase, username, requireNonNullElse(password, ""));
  }

  private Map<String, String> connectorConfig(ChaosTarget target) {
    Map<String, String> config = new HashMap<>(target.connectorConfig());
    config.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    config.put("topic", TOPIC_PREFIX);
    config.put("delivery.guarantee", guarantee);
    config.put("couchbase.headers", ChaosTopic.HEADERS);
    return config;
  }

  private static void createTopic(String brokers, String topic) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
      admin
          .createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1)))
          .all()
          .get(30, TimeUnit.SECONDS);
    }
  }

  /** Returns when each fault was, in milliseconds since the epoch. */
  private List<Long> breakThings(
      long chosen, ChaosTarget target, KafkaBroker kafka, ChaosWorkers workers) throws Exception {
    List<ChaosFault> faults = new ArrayList<>(target.faults());
    faults.addAll(workers.faults());
    faults.add(new ChaosFault("Kafka down", random -> brokerDown(kafka, random)));
    Random random = new Random(chosen);
    List<Long> times = new ArrayList<>();
    long start = System.nanoTime();
    long end = start + TimeUnit.SECONDS.toNanos(seconds);
    while (System.nanoTime() - end < 0) {
      TimeUnit.MILLISECONDS.sleep(PAUSE_MIN_MILLIS + random.nextInt(PAUSE_SPREAD_MILLIS));
      ChaosFault fault = faults.get(random.nextInt(faults.size()));
      // A random source of its own: how much a fault takes from it does not change the next one.
      String what = fault.action().strike(new Random(random.nextLong()));
      times.add(System.currentTimeMillis());
      say("chaos: %6.1f s %s: %s", (System.nanoTime() - start) / 1e9, fault.name(), what);
    }
    return times;
  }

  private static String brokerDown(KafkaBroker kafka, Random random) throws Exception {
    int millis = random.nextInt(DOWN_MAX_MILLIS);
    kafka.stop();
    TimeUnit.MILLISECONDS.sleep(millis);
    kafka.restart();
    return "for " + millis + " ms";
  }

  private boolean audit(
      List<ChaosWrite> writes, ChaosTopic records, ChaosWorkers workers, List<Long> faults)
      throws InterruptedException {
    boolean exactlyOnce = guarantee.equals("exactly_once");
    long deadline = System.nanoTime() + RECOVERY.toNanos();
    ChaosAudit.Findings findings;
    ChaosAudit audit;
    int zombie;
    do {
      records.readToEnd();
      audit = new ChaosAudit(writes);
      zombie = 0;
      for (ChaosTopic.Entry entry : records.entries()) {
        if (!exactlyOnce && entry.isOfZombie(workers.outages())) {
          zombie++;
        } else {
          audit.add(entry.identity(), entry.where());
        }
      }
      findings = audit.findings();
    } while (findings.missing() > 0 && System.nanoTime() - deadline < 0);
    // Whatever should not be there, such as a record sent twice, would follow now.
    int allowed = exactlyOnce ? 0 : records.countBefore(faults);
    boolean right =
        findings.missing() == 0
            && findings.reordered() == 0
            && findings.unknown() == 0
            && findings.duplicated() <= allowed;
    if (!right) {
      workers.statuses().forEach(status -> say("chaos: the tasks are %s", status));
      audit.examples().forEach(example -> say("chaos: %s", example));
    }
    say(
        "chaos: faults=%d documents=%d records=%d missing=%d duplicated=%d (allowed %d) reordered=%d"
            + " unknown=%d stale=%d zombie=%d gaps: %s",
        faults.size(),
        writes.size(),
        findings.records(),
        findings.missing(),
        findings.duplicated(),
        allowed,
        findings.reordered(),
        findings.unknown(),
        findings.stale(),
        zombie,
        new ChaosGaps(records.entries()).longest(workers.outages()));
    return right;
  }

  private void say(String format, Object... values) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(Locale.ROOT, format + "%n", values);
    out.flush();
  }
}
