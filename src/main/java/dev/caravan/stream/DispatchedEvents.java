// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import java.util.concurrent.atomic.AtomicInteger;

/** Counts the events of one bucket that are in a route. Thread-safe. */
final class DispatchedEvents {
  private final AtomicInteger count = new AtomicInteger();
  private final Runnable onNone;

  /**
   * @param onNone called when the last event has left the route
   */
  DispatchedEvents(Runnable onNone) {
    this.onNone = onNone;
  }

  void dispatched(int events) {
    count.addAndGet(events);
  }

  void completed(int events) {
    if (count.addAndGet(-events) == 0) {
      onNone.run();
    }
  }

  boolean isNone() {
    return count.get() == 0;
  }
}
