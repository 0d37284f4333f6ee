// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.RestartPolicy;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * When a task that has failed is started again: after a delay that doubles with each failure, and
 * not for ever. A task that has run for as long as the longest delay begins to count anew.
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

  /** The task is seen to run. */
  void running(Instant now) {
    Instant since = runningSince;
    if (since == null) {
      runningSince = now;
    } else if (Duration.between(since, now).compareTo(policy.maxDelay()) >= 0) {
      failures = 0;
    }
  }

  /** The task is seen to have failed. */
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

  /** The task is started again. */
  void restarted() {
    failedAt = null;
    nextTry = null;
  }

  /** What happened and what follows, in a sentence; empty if the task has not failed. */
  String story() {
    Instant failure = failedAt;
    if (failure == null) {
      return "";
    }
    String story = "Failed at " + seconds(failure);
    Instant next = nextTry;
    if (next != null) {
      return story + ", " + policy.describeRetry(failures) + " follows at " + seconds(next);
    }
    return story
        + " and is not started again by itself after "
        + (failures - 1)
        + " tries; it is when the connector's configuration is put again";
  }

  private static Instant seconds(Instant time) {
    return time.truncatedTo(ChronoUnit.SECONDS);
  }
}
