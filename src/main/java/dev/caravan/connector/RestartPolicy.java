// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import java.time.Duration;
import java.util.Optional;

/**
 * How often, and how soon, a task that has failed is started again.
 *
 * @param maxRetries how often in a row; 0 for never, -1 for ever
 * @param initialDelay before the first time; it doubles from one to the next
 * @param maxDelay that it doesn't grow beyond
 */
public record RestartPolicy(int maxRetries, Duration initialDelay, Duration maxDelay) {
  /**
   * How long to wait after a failure; empty if the task is to stay as it is.
   *
   * @param failures in a row, this one included
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

  /** A try, as people count: {@code try 2 of 10}. */
  public String describeRetry(int retry) {
    return "try " + retry + (maxRetries < 0 ? "" : " of " + maxRetries);
  }
}
