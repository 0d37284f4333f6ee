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

  /** The group was seen to wait for others to join, as this worker does: it holds on to it. */
  synchronized void confirm(long asOf) {
    if (!isOver() && asOf - contact > 0) {
      contact = asOf;
      end = contact + session * (PARTS - 1) / PARTS;
    }
  }

  /** How long ago the group was last known to hold on to this worker. */
  synchronized Duration age() {
    return Duration.ofNanos(nanoTime.getAsLong() - contact);
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
