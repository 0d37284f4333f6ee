// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.RestartPolicy;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * Schedules the restarts of a failed task. The delay doubles with each failure, and the number of
 * retries is limited. Both start again at the beginning after the task has run for the maximum
 * delay.
 *
 * <p>Not thread-safe.
 */
final class TaskRestarts {
  private final RestartPolicy policy;
  private int failures;
  private @Nullable Instant failedAt;
  private @Nullable Instant nextTry;
  private @Nullable Instant runningSince;

  TaskRestarts(RestartPolicy policy) {
    this.policy = policy;
  }

  /** Records that the task runs. */
  void running(Instant now) {
    Instant since = runningSince;
    if (since == null) {
      runningSince = now;
    } else if (Duration.between(since, now).compareTo(policy.maxDelay()) >= 0) {
      failures = 0;
    }
  }

  /** Records that the task has failed. Further calls have no effect until {@link #restarted}. */
  void failed(Instant now) {
    if (failedAt == null) {
      runningSince = null;
      failedAt = now;
      failures++;
      nextTry = policy.delay(failures).map(now::plus).orElse(null);
    }
  }

  boolean isDue(Instant now) {
    Instant next = nextTry;
    return next != null && !now.isBefore(next);
  }

  /** Records that the task is started again. */
  void restarted() {
    failedAt = null;
    nextTry = null;
  }

  /** Describes the failure and the next retry in a sentence; empty if the task has not failed. */
  String description() {
    Instant failure = failedAt;
    if (failure == null) {
      return "";
    }
    String failed = "Failed at " + seconds(failure);
    Instant next = nextTry;
    if (next != null) {
      return failed + ", " + policy.describeRetry(failures) + " follows at " + seconds(next) + ".";
    }
    return failed
        + ". Not restarted after "
        + (failures - 1)
        + " retries. To restart the task, put the connector's configuration again.";
  }

  private static Instant seconds(Instant time) {
    return time.truncatedTo(ChronoUnit.SECONDS);
  }
}
