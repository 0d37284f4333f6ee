// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * How long a worker may be sure that the group has not given its tasks to others: Kafka does so
 * when it has not heard of a worker for a session timeout. It counts from when the last heartbeat
 * was <em>sent</em> that Kafka has answered, as the session does not begin later, and it ends at
 * two thirds of the session timeout, so that there is time to stop tasks and close producers.
 *
 * <p>A lease that is over stays over, however late that is noticed: a process that was suspended
 * finds out with its first look. Only a heartbeat that was sent after an assignment begins another
 * one: an assignment may have waited in the network for longer than the session.
 *
 * <p>Times are as of {@link System#nanoTime}. Thread-safe; {@link #isOver} is cheap enough to be
 * asked for each record.
 */
public final class GroupLease {
  private static final int PARTS = 3;

  private enum State {
    /** There was no assignment yet. */
    NONE,
    /** There was an assignment, and no heartbeat since. */
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
   * @param sessionTimeout after which the group gives away the tasks of a worker that it doesn't
   *     hear of
   */
  public GroupLease(Duration sessionTimeout) {
    this(sessionTimeout, System::nanoTime);
  }

  public GroupLease(Duration sessionTimeout, LongSupplier nanoTime) {
    this.session = sessionTimeout.toNanos();
    this.nanoTime = nanoTime;
  }

  /** After how long without a heartbeat the group gives away this worker's tasks. */
  Duration session() {
    return Duration.ofNanos(session);
  }

  /** The group has given this worker its tasks: a heartbeat that is sent from now on begins it. */
  public synchronized void onAssignment() {
    if (isOver()) {
      assignedAt = nanoTime.getAsLong();
      state = State.PENDING;
    }
  }

  /**
   * Kafka has answered a heartbeat, and knows this worker.
   *
   * @param sentAt when it was sent, or earlier
   * @return whether this has begun a lease
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

  /** The group held on to this worker at a time. Prolongs a lease, and begins none. */
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

  /** How long ago the group was last known to hold on to this worker; zero without a lease. */
  synchronized Duration age() {
    return isOver() ? Duration.ZERO : Duration.ofNanos(nanoTime.getAsLong() - confirmedAt);
  }

  /** Ends the lease, or the wait for one. */
  synchronized void end() {
    state = State.ENDED;
  }

  /** Whether this worker must not run its tasks: others may have them. */
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

  /** Whether there was an assignment, and the first heartbeat after it has no answer yet. */
  boolean isPending() {
    return state == State.PENDING;
  }

  /** Whether a lease has ended, and there was no assignment since. */
  boolean hasEnded() {
    return isOver() && state == State.ENDED;
  }
}
