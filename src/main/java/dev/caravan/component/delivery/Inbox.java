// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import dev.caravan.stream.change.ChangeSink;
import dev.caravan.stream.change.DcpEvent;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Passes events from the event loops to the delivery loop.
 *
 * <p>It has no bound of its own, because an event loop must not wait: what a node sends ahead of
 * its acknowledgements is bounded by the flow-control window. Thread-safe; any number of threads
 * put in, one takes out.
 */
public final class Inbox implements ChangeSink {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition arrived = lock.newCondition();
  private final ArrayDeque<DcpEvent> events = new ArrayDeque<>();
  private boolean waiting;
  private boolean woken;

  @Override
  public void offer(DcpEvent event) {
    lock.lock();
    try {
      events.add(event);
      if (waiting) {
        arrived.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void wakeUp() {
    lock.lock();
    try {
      woken = true;
      arrived.signal();
    } finally {
      lock.unlock();
    }
  }

  /** Moves changes that are there into the target, without waiting. */
  void drainTo(Collection<DcpEvent> target, int limit) {
    lock.lock();
    try {
      for (int i = 0; i < limit && !events.isEmpty(); i++) {
        target.add(events.poll());
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until woken or the deadline.
   *
   * @param forChanges whether a change that is there ends the waiting too
   * @param deadlineNanos as of {@link System#nanoTime}
   * @return whether it was woken
   */
  boolean await(boolean forChanges, long deadlineNanos) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!woken && !(forChanges && !events.isEmpty())) {
        long remaining = deadlineNanos - System.nanoTime();
        if (remaining <= 0) {
          return false;
        }
        waiting = forChanges;
        try {
          arrived.await(remaining, TimeUnit.NANOSECONDS);
        } finally {
          waiting = false;
        }
      }
      boolean result = woken;
      woken = false;
      return result;
    } finally {
      lock.unlock();
    }
  }
}
