// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.flow;

import java.util.concurrent.atomic.AtomicInteger;

/** Counts the events of one bucket that are in a route. Thread-safe. */
public final class DispatchedEvents {
  private final AtomicInteger count = new AtomicInteger();
  private final Runnable onNone;

  /**
   * @param onNone called when the last event has left the route
   */
  public DispatchedEvents(Runnable onNone) {
    this.onNone = onNone;
  }

  public void dispatched(int events) {
    count.addAndGet(events);
  }

  public void completed(int events) {
    if (count.addAndGet(-events) == 0) {
      onNone.run();
    }
  }

  public boolean isNone() {
    return count.get() == 0;
  }
}
