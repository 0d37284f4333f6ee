// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import java.time.Duration;
import java.util.Optional;

/**
 * When a failed task is restarted. Immutable.
 *
 * @param maxRetries the maximum number of restarts in a row; 0 means never, -1 means no limit
 * @param initialDelay the delay before the first restart; it doubles with each further restart
 * @param maxDelay the maximum delay
 */
public record RestartPolicy(int maxRetries, Duration initialDelay, Duration maxDelay) {
  /**
   * Returns the delay before the restart after a failure; empty if the task is not restarted.
   *
   * @param failures the number of failures in a row, this one included, from 1
   */
  public Optional<Duration> delay(int failures) {
    if (maxRetries >= 0 && failures > maxRetries) {
      return Optional.empty();
    }
    Duration delay = initialDelay;
    for (int i = 1; i < failures && delay.compareTo(maxDelay) < 0; i++) {
      delay = delay.multipliedBy(2);
    }
    return Optional.of(delay.compareTo(maxDelay) < 0 ? delay : maxDelay);
  }

  /** Describes a restart, counted from 1: {@code try 2 of 10}. */
  public String describeRetry(int retry) {
    return "try " + retry + (maxRetries < 0 ? "" : " of " + maxRetries);
  }
}
