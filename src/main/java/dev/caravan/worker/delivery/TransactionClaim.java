// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Marks one assignment of a task to this worker in a way that Kafka's transaction coordinators
 * store: a random part of the transaction timeout. The timeout is the only value that an owner can
 * choose and that everybody can read, see {@link TransactionFencer#isOwnedWith}.
 *
 * <p>A claim lasts from the assignment to the release of the task, across restarts of the task. A
 * restarted task sees that another process has taken it over, and does not take it back. A newly
 * assigned task does take over. Thread-safe.
 */
public final class TransactionClaim {
  private static final int SPREAD_MILLIS = 5000;

  private final int spreadMillis = ThreadLocalRandom.current().nextInt(SPREAD_MILLIS);
  private boolean used;

  /**
   * Returns the transaction timeout of this claim.
   *
   * @param atLeast the minimum timeout
   */
  Duration timeout(Duration atLeast) {
    return atLeast.plusMillis(spreadMillis);
  }

  /** Returns whether a producer was opened for this claim. */
  synchronized boolean isUsed() {
    return used;
  }

  synchronized void use() {
    used = true;
  }
}
