// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.testkit.SandboxWorker;
import dev.caravan.testkit.Topic;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The drain rate with a backlog, measured by the timestamps of the records. */
class ConnectorDrainRateTest {
  private static final int RATE = 400;
  private static final int TASKS = 2;
  private static final int DOCUMENTS = 4_000;
  private static final long WINDOW_MILLIS = 5_000;
  private static final long BURST_MILLIS = 200;
  private static final String BUCKET = "travel";

  @RegisterExtension
  private static final SandboxWorker SANDBOX = new SandboxWorker(64).bucket(BUCKET);

  @Test
  void aBacklogLeavesNoFasterThanTheRateWhateverTheWindow() throws Exception {
    SANDBOX.documents(BUCKET).load(DOCUMENTS, 100);
    try (Topic topic = SANDBOX.committed("slow-" + BUCKET)) {
      SANDBOX.create(
          "slow",
          BUCKET,
          Map.of(
              "tasks.max",
              Integer.toString(TASKS),
              "dcp.maximum.drainrate",
              Integer.toString(RATE)));

      long[] times =
          topic.awaitRecords(DOCUMENTS).stream()
              .mapToLong(ConsumerRecord::timestamp)
              .sorted()
              .toArray();

      assertThat(most(times, WINDOW_MILLIS))
          .as("documents in any 5 s")
          .isLessThanOrEqualTo((int) (RATE * 5 * 1.05) + TASKS);
      // A task's burst is 200 ms of its rate. A window of 200 ms may touch two bursts.
      assertThat(most(times, BURST_MILLIS))
          .as("documents in any 200 ms")
          .isLessThanOrEqualTo((int) (RATE * 0.4) + TASKS);
      // A busy machine may be slower than the rate, but not without bound.
      assertThat(times[times.length - 1] - times[0])
          .as("milliseconds for all")
          .isBetween(DOCUMENTS * 1000L / RATE * 95 / 100, DOCUMENTS * 1000L / RATE * 3);
    }
  }

  /** The maximum number of timestamps in any window of this length. */
  private static int most(long[] times, long window) {
    int most = 0;
    int from = 0;
    for (int to = 0; to < times.length; to++) {
      while (times[to] - times[from] >= window) {
        from++;
      }
      most = Math.max(most, to - from + 1);
    }
    return most;
  }
}
