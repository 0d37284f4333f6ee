// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.bench;

import static java.util.Objects.requireNonNull;

import dev.caravan.cli.process.ChildProcess;
import dev.caravan.cli.process.WorkerProcess;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code caravan bench}: compares the cost of a worker with a loop written by hand. */
@Command(
    name = "bench",
    description = {
      "Measures the cost of copying a document from Couchbase to Kafka, on the sandbox. The"
          + " variants are a worker with each guarantee, and a loop written by hand (DCP client to"
          + " Kafka producer, without Camel). They run in turn, each in a new process.",
      "",
      "Compare the CPU time per document. Other programs of the machine change the elapsed time."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
public final class BenchCommand implements Callable<Integer> {
  private static final Pattern SANDBOX_READY =
      Pattern.compile("sandbox: ready couchbase=(\\S+) kafka=(\\S+)");
  private static final Pattern RESULT =
      Pattern.compile("result cpu-nanos=(\\d+) wall-nanos=(\\d+) resident-kb=(\\d+)");

  private static final String FLEET_GROUP = "fleet";

  /** Few, because the measurement is about connectors and not about streams. */
  private static final int FLEET_VBUCKETS = 8;

  @Spec private CommandSpec spec;

  @Option(
      names = "--documents",
      paramLabel = "N",
      defaultValue = "1000000",
      description = "The number of documents that each run copies (default: ${DEFAULT-VALUE}).")
  private int documents;

  @Option(
      names = "--size",
      paramLabel = "BYTES",
      defaultValue = "300",
      description = "The size of a document in bytes (default: ${DEFAULT-VALUE}).")
  private int size;

  @Option(
      names = "--rounds",
      paramLabel = "R",
      defaultValue = "3",
      description = "The number of runs of each variant (default: ${DEFAULT-VALUE}).")
  private int rounds;

  @Option(
      names = "--heap",
      paramLabel = "SIZE",
      defaultValue = "512m",
      description = "The maximum heap of each process, as for -Xmx (default: ${DEFAULT-VALUE}).")
  private String heap;

  @Option(
      names = "--connectors",
      paramLabel = "N",
      description =
          "Measures the cost of N connectors with one task each on three workers instead: threads"
              + " and memory per task, the time of a rebalance, and the latency of the REST API.")
  private @Nullable Integer connectors;

  @Option(
      names = "--history",
      paramLabel = "N",
      description =
          "Measures the time to start 16 tasks with N uncompacted records in the offsets topic "
              + "instead.")
  private @Nullable Integer history;

  @Override
  public Integer call() throws Exception {
    if (history != null) {
      return history(history);
    }
    return connectors == null ? compareVariants() : fleet(connectors);
  }

  private static ChildProcess smallSandbox(String... arguments) throws IOException {
    List<String> all =
        new ArrayList<>(
            List.of(
                "sandbox",
                "--kv-port=0",
                "--kafka-port=0",
                "--bucket=" + BenchRun.MEASURED,
                "--documents=100"));
    all.addAll(List.of(arguments));
    return ChildProcess.start(javaOptions("2g"), all.toArray(String[]::new));
  }

  private int history(int records) throws Exception {
    try (ChildProcess sandbox = smallSandbox()) {
      Matcher ready = sandbox.await(SANDBOX_READY);
      return new BenchHistory(
                  spec.commandLine().getOut(), ready.group(1), ready.group(2), BenchRun.MEASURED)
              .run(records, heap)
          ? 0
          : 1;
    }
  }

  private int fleet(int count) throws Exception {
    try (ChildProcess sandbox = smallSandbox("--vbuckets=" + FLEET_VBUCKETS)) {
      Matcher ready = sandbox.await(SANDBOX_READY);
      BenchFleet fleet = new BenchFleet(spec.commandLine().getOut(), count);
      String kafka = ready.group(2);
      return fleet.run(
              ready.group(1),
              kafka,
              BenchRun.MEASURED,
              FLEET_GROUP,
              () -> new WorkerProcess(kafka, FLEET_GROUP, heap, "WARN"))
          ? 0
          : 1;
    }
  }

  private int compareVariants() throws Exception {
    PrintWriter out = spec.commandLine().getOut();
    Map<BenchmarkVariant, List<RunCost>> results = new EnumMap<>(BenchmarkVariant.class);
    for (BenchmarkVariant variant : BenchmarkVariant.values()) {
      results.put(variant, new ArrayList<>());
    }
    try (ChildProcess sandbox =
        ChildProcess.start(
            javaOptions("2g"),
            "sandbox",
            "--kv-port=0",
            "--kafka-port=0",
            "--bucket=" + BenchRun.WARM_UP,
            "--bucket=" + BenchRun.MEASURED,
            "--documents=" + documents,
            "--size=" + size)) {
      Matcher ready = sandbox.await(SANDBOX_READY);
      out.printf("bench: documents=%d size=%d heap=%s%n", documents, size, heap);
      for (int round = 1; round <= rounds; round++) {
        for (BenchmarkVariant variant : BenchmarkVariant.values()) {
          RunCost result = run(variant, ready.group(1), ready.group(2));
          requireNonNull(results.get(variant)).add(result);
          out.printf("bench: round=%d %s %s%n", round, variant, result.describe(documents));
          out.flush();
        }
      }
    }
    long loop = RunCost.median(requireNonNull(results.get(BenchmarkVariant.LOOP))).cpuNanos();
    results.forEach(
        (variant, of) -> {
          RunCost median = RunCost.median(of);
          out.printf(
              Locale.ROOT,
              "bench: median %s %s ratio=%.2f%n",
              variant,
              median.describe(documents),
              (double) median.cpuNanos() / loop);
        });
    out.flush();
    return 0;
  }

  private RunCost run(BenchmarkVariant variant, String couchbase, String kafka) throws Exception {
    try (ChildProcess process =
        ChildProcess.start(
            javaOptions(heap),
            "bench-run",
            "--variant=" + variant,
            "--couchbase=" + couchbase,
            "--kafka=" + kafka,
            "--warm-up-documents=" + documents,
            "--documents=" + documents)) {
      Matcher result = process.await(RESULT);
      return new RunCost(
          Long.parseLong(result.group(1)),
          Long.parseLong(result.group(2)),
          Long.parseLong(result.group(3)));
    }
  }

  private static List<String> javaOptions(String heap) {
    return List.of("-Xmx" + heap, "-Dcaravan.log.level=WARN", "-Dcaravan.log.libraries=ERROR");
  }

  /** The cost of one run. */
  private record RunCost(long cpuNanos, long wallNanos, long residentKilobytes) {
    String describe(int documents) {
      return String.format(
          Locale.ROOT,
          "cpu=%.2f us/document rate=%.0f documents/s resident=%d MB",
          cpuNanos / 1e3 / documents,
          documents / (wallNanos / 1e9),
          residentKilobytes / 1024);
    }

    static RunCost median(List<RunCost> results) {
      return new RunCost(
          middle(results.stream().map(RunCost::cpuNanos).collect(Collectors.toList())),
          middle(results.stream().map(RunCost::wallNanos).collect(Collectors.toList())),
          middle(results.stream().map(RunCost::residentKilobytes).collect(Collectors.toList())));
    }

    private static long middle(List<Long> values) {
      values.sort(null);
      return values.get(values.size() / 2);
    }
  }
}
