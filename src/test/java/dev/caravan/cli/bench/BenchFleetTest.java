// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.process.ConnectClient;
import dev.caravan.cli.process.FleetWorker;
import dev.caravan.cli.process.TestWorker;
import dev.caravan.sandbox.kafka.KafkaBroker;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The measurement of many connectors, with 20 connectors and with workers in this process. */
class BenchFleetTest {
  @Test
  void figuresOfCreationRebalanceRestAndGroupMetadataArePrinted() throws Exception {
    StringWriter out = new StringWriter();
    try (KafkaBroker kafka = KafkaBroker.start()) {
      BenchFleet fleet = new BenchFleet(new PrintWriter(out, true), 20);

      boolean isWithin =
          fleet.run(
              "localhost",
              kafka.bootstrapServers(),
              "travel",
              "fleet",
              () -> new InThisProcess(kafka));

      assertThat(isWithin).isTrue();
    }
    Matcher figures =
        Pattern.compile(
                "bench: connectors=20 workers=3 created in [0-9.]+ s, all running after [0-9.]+ s\n"
                    + "bench: per further task: [0-9.]+ threads, -?[0-9]+ kB resident\n"
                    + "bench: all running [0-9.]+ s after SIGTERM to a worker, balanced and running"
                    + " [0-9.]+ s after a worker was ready \\(start took [0-9.]+ s\\)\n"
                    + "bench: REST answers=[0-9]+ p50=[0-9.]+ ms p99=[0-9.]+ ms\n"
                    + "bench: the largest record of the group's metadata has ([0-9]+) bytes\n")
            .matcher(out.toString());
    assertThat(figures.matches()).as(out.toString()).isTrue();
    assertThat(Integer.parseInt(figures.group(1))).isBetween(500, 10_000);
  }

  private static final class InThisProcess implements FleetWorker {
    private final KafkaBroker kafka;
    private TestWorker worker;

    InThisProcess(KafkaBroker kafka) {
      this.kafka = kafka;
    }

    @Override
    public void start() throws IOException {
      try {
        worker = TestWorker.start(kafka, "fleet");
      } catch (Exception e) {
        throw new IOException(e);
      }
    }

    @Override
    public Duration stop() {
      long start = System.nanoTime();
      worker.close();
      return Duration.ofNanos(System.nanoTime() - start);
    }

    @Override
    public ConnectClient rest() {
      return worker.rest();
    }

    @Override
    public long processStatus(String key) {
      // Unknown, because all workers share the process of the test.
      return 0;
    }

    @Override
    public void close() {
      worker.close();
    }
  }
}
