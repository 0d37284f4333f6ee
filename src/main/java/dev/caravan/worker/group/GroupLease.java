// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * The time for which a worker may run its tasks. Kafka assigns the tasks of a worker to others
 * after a session timeout without a heartbeat. The lease ends two thirds of the session timeout
 * after the <em>sending</em> of the last heartbeat that Kafka answered. The rest is for stopping
 * tasks and closing producers.
 *
 * <p>A lease that has ended stays ended, also if that is noticed late, for example in a process
 * that was suspended. A new lease begins only with a heartbeat sent after an assignment, because
 * the assignment itself may have been delayed in the network for longer than a session.
 *
 * <p>Times are values of {@link System#nanoTime}. Thread-safe. {@link #isOver} is cheap enough to
 * be called for each record.
 */
public final class GroupLease {
  private static final int PARTS = 3;

  private enum State {
    /** There was no assignment yet. */
    NONE,
    /** There was an assignment, but no heartbeat since. */
    PENDING,
    HELD,
    ENDED
  }

  private final long session;
  private final LongSupplier nanoTime;
  private long assignedAt;
  private long confirmedAt;
  private volatile long end;
  private volatile State state = State.NONE;

  /**
   * Creates a lease that has not begun.
   *
   * @param sessionTimeout the time without a heartbeat after which the group assigns the tasks of a
   *     worker to others
   */
  public GroupLease(Duration sessionTimeout) {
    this(sessionTimeout, System::nanoTime);
  }

  public GroupLease(Duration sessionTimeout, LongSupplier nanoTime) {
    this.session = sessionTimeout.toNanos();
    this.nanoTime = nanoTime;
  }

  /** Returns the session timeout. */
  Duration session() {
    return Duration.ofNanos(session);
  }

  /** Prepares the lease after an assignment: a heartbeat that is sent from now on begins it. */
  public synchronized void onAssignment() {
    if (isOver()) {
      assignedAt = nanoTime.getAsLong();
      state = State.PENDING;
    }
  }

  /**
   * Handles a heartbeat that Kafka answered without an error.
   *
   * @param sentAt when the heartbeat was sent, or an earlier time
   * @return whether this heartbeat began the lease
   */
  public synchronized boolean onHeartbeat(long sentAt) {
    if (state != State.PENDING) {
      extend(sentAt);
      return false;
    }
    if (sentAt - assignedAt < 0 || nanoTime.getAsLong() - endAfter(sentAt) >= 0) {
      return false;
    }
    setConfirmedAt(sentAt);
    state = State.HELD;
    return true;
  }

  /** Extends a lease because the worker was still a member at the given time. Begins no lease. */
  synchronized void extend(long asOf) {
    if (!isOver() && asOf - confirmedAt > 0) {
      setConfirmedAt(asOf);
    }
  }

  private void setConfirmedAt(long at) {
    confirmedAt = at;
    end = endAfter(at);
  }

  private long endAfter(long at) {
    return at + session * (PARTS - 1) / PARTS;
  }

  /** Returns the time since the worker was last known to be a member; zero without a lease. */
  synchronized Duration age() {
    return isOver() ? Duration.ZERO : Duration.ofNanos(nanoTime.getAsLong() - confirmedAt);
  }

  /** Ends the lease, also one that has not begun. */
  synchronized void end() {
    state = State.ENDED;
  }

  /** Returns whether this worker must not run its tasks, because others may have them. */
  public boolean isOver() {
    if (state == State.HELD && nanoTime.getAsLong() - end >= 0) {
      endIfLate();
    }
    return state != State.HELD;
  }

  private synchronized void endIfLate() {
    if (state == State.HELD && nanoTime.getAsLong() - end >= 0) {
      end();
    }
  }

  /** Returns whether there was an assignment but no answered heartbeat since. */
  boolean isPending() {
    return state == State.PENDING;
  }

  /** Returns whether the lease has ended and there was no assignment since. */
  boolean hasEnded() {
    return isOver() && state == State.ENDED;
  }
}
