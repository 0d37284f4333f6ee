// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * How long a worker may be sure that the group has not given its tasks to others: Kafka does so
 * when it has not heard of a worker for a session timeout. A lease that is over stays over until
 * {@link #begin}, however late that is noticed: a process that was suspended finds out with its
 * first look.
 *
 * <p>Thread-safe; {@link #isOver} is cheap enough to be asked for each record.
 */
final class GroupLease {
  /** For contacts that were on their way, and to stop tasks. */
  private static final int PARTS = 3;

  /**
   * Kafka's client sends no heartbeats while it joins, which may take until the session of a dead
   * worker is over; who joins is not taken for dead meanwhile. So a worker that was heard of just
   * now may use nearly all of its session then.
   */
  private static final Duration JUST_NOW = Duration.ofSeconds(1);

  private static final Duration JOIN_MARGIN = Duration.ofMillis(500);

  private final long session;
  private final LongSupplier nanoTime;
  private long contact;
  private volatile long end;
  private volatile boolean over = true;

  /**
   * @param sessionTimeout after which the group gives away the tasks of a worker that it doesn't
   *     hear of
   */
  GroupLease(Duration sessionTimeout) {
    this(sessionTimeout, System::nanoTime);
  }

  GroupLease(Duration sessionTimeout, LongSupplier nanoTime) {
    this.session = sessionTimeout.toNanos();
    this.nanoTime = nanoTime;
  }

  /** The group knows what this worker has, now. */
  synchronized void begin() {
    contact = nanoTime.getAsLong();
    end = contact + session * (PARTS - 1) / PARTS;
    over = false;
  }

  /** Kafka has answered a heartbeat. */
  synchronized void confirm() {
    if (!isOver()) {
      begin();
    }
  }

  /** This worker joins the group again. */
  synchronized void join() {
    if (!isOver() && nanoTime.getAsLong() - contact <= JUST_NOW.toNanos()) {
      end = contact + session - JOIN_MARGIN.toNanos();
    }
  }

  /** Ends the lease. */
  synchronized void end() {
    over = true;
  }

  /** Whether others may have this worker's tasks. */
  boolean isOver() {
    if (!over && nanoTime.getAsLong() - end >= 0) {
      endIfLate();
    }
    return over;
  }

  private synchronized void endIfLate() {
    if (!over && nanoTime.getAsLong() - end >= 0) {
      end();
    }
  }
}
