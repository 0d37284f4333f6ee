// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * One assignment of a task to this worker, as Kafka's transaction coordinators can tell it from
 * others: by the transaction timeout, a random part of which is all that an owner chooses and
 * everybody can read, see {@link TransactionFencer#isOwnedWith}.
 *
 * <p>It lasts from the assignment until the task is released, across restarts of the task. So a
 * task that another process has taken over sees that when it starts again, and does not take the
 * right to write back from the owner; a task that is assigned to this worker does take it. Not
 * thread-safe: restarts come one after the other.
 */
public final class TransactionClaim {
  private static final int SPREAD_MILLIS = 5000;

  private final int spreadMillis = ThreadLocalRandom.current().nextInt(SPREAD_MILLIS);
  private boolean used;

  /** The timeout to open transactions with that need this one at least. */
  Duration timeout(Duration atLeast) {
    return atLeast.plusMillis(spreadMillis);
  }

  /** Whether a producer was opened for this assignment, and took the right to write. */
  synchronized boolean isUsed() {
    return used;
  }

  synchronized void use() {
    used = true;
  }
}
