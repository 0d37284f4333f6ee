// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.connector.RestartPolicy;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class TaskRestartsTest {
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");

  private static TaskRestarts restarts(int maxRetries) {
    return new TaskRestarts(
        new RestartPolicy(maxRetries, Duration.ofSeconds(1), Duration.ofSeconds(10)));
  }

  /**
   * Lets the task fail repeatedly, and returns the seconds between each failure and its restart.
   */
  private List<Long> delays(TaskRestarts restarts, int count) {
    List<Long> delays = new ArrayList<>();
    while (delays.size() < count) {
      restarts.failed(now);
      Instant failed = now;
      while (!restarts.isDue(now)) {
        now = now.plusSeconds(1);
        if (Duration.between(failed, now).toMinutes() > 0) {
          return delays;
        }
        restarts.failed(now);
      }
      delays.add(Duration.between(failed, now).toSeconds());
      restarts.restarted();
    }
    return delays;
  }

  @Test
  void delaysDoubleUpToTheLongest() {
    assertThat(delays(restarts(-1), 7)).containsExactly(1L, 2L, 4L, 8L, 10L, 10L, 10L);
  }

  @Test
  void afterAllTriesItStaysFailed() {
    TaskRestarts restarts = restarts(3);
    assertThat(delays(restarts, 9)).hasSize(3);
    assertThat(restarts.description())
        .startsWith("Failed at 2026-01-01T00:00:07Z. Not restarted after 3 retries.")
        .endsWith("put the connector's configuration again.");
  }

  @Test
  void zeroRetriesMeanNone() {
    assertThat(delays(restarts(0), 1)).isEmpty();
  }

  @Test
  void aTaskThatRanForTheMaximumDelayStartsAtTheFirstDelay() {
    TaskRestarts restarts = restarts(3);
    assertThat(delays(restarts, 3)).containsExactly(1L, 2L, 4L);
    restarts.running(now);
    restarts.running(now.plusSeconds(9));
    now = now.plusSeconds(10);
    restarts.running(now);
    assertThat(delays(restarts, 3)).containsExactly(1L, 2L, 4L);
  }

  @Test
  void aTaskThatRanForLessContinuesItsDelays() {
    TaskRestarts restarts = restarts(3);
    delays(restarts, 2);
    restarts.running(now);
    now = now.plusSeconds(9);
    restarts.running(now);
    assertThat(delays(restarts, 2)).containsExactly(4L);
  }

  @Test
  void theDescriptionHasTheFailureAndTheNextRetry() {
    TaskRestarts restarts = restarts(3);
    assertThat(restarts.description()).isEmpty();
    restarts.failed(now);
    assertThat(restarts.description())
        .isEqualTo("Failed at 2026-01-01T00:00:00Z, try 1 of 3 follows at 2026-01-01T00:00:01Z.");
    restarts.restarted();
    assertThat(restarts.description()).isEmpty();
  }
}
