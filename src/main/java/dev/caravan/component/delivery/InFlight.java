// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Counts the exchanges of one loop that are in the route, their documents and the bytes of these,
 * and knows whether all that have come out were delivered. Thread-safe.
 */
final class InFlight {
  private final int maxDocuments;
  private final LongSupplier maxBytes;
  private int exchanges;
  private int documents;
  private long begun;
  private long bytes;
  private boolean hasUndelivered;
  private boolean wakeUpWanted;

  InFlight(int maxDocuments, long maxBytes) {
    this(maxDocuments, () -> maxBytes);
  }

  /**
   * @param maxBytes may change; asked for each exchange
   */
  InFlight(int maxDocuments, LongSupplier maxBytes) {
    this.maxDocuments = maxDocuments;
    this.maxBytes = maxBytes;
  }

  long maxBytes() {
    return maxBytes.getAsLong();
  }

  /** Whether another exchange may begin. If not, a later {@link #end} returns true. */
  synchronized boolean hasRoom() {
    boolean full = exchanges > 0 && (documents >= maxDocuments || bytes >= maxBytes());
    wakeUpWanted |= full;
    return !full;
  }

  /** Whether no exchange is in the route. If not, a later {@link #end} returns true. */
  synchronized boolean isEmpty() {
    wakeUpWanted |= exchanges > 0;
    return exchanges == 0;
  }

  synchronized void begin(int count, long size) {
    exchanges++;
    begun++;
    documents += count;
    bytes += size;
  }

  /**
   * Counts an exchange that came out of the route.
   *
   * @param delivered whether all its changes were; an exchange that failed may have sent some
   * @return whether to ask again, since somebody waits for room or for an empty route
   */
  synchronized boolean end(int count, long size, boolean delivered) {
    exchanges--;
    documents -= count;
    bytes -= size;
    hasUndelivered |= !delivered;
    if (exchanges == 0) {
      notifyAll();
    }
    boolean wanted = wakeUpWanted;
    wakeUpWanted = false;
    return wanted;
  }

  /** How many exchanges have ever begun. */
  synchronized long begun() {
    return begun;
  }

  synchronized int count() {
    return exchanges;
  }

  /**
   * Whether every exchange that ever began has come out of the route and was delivered: only then
   * do the acknowledged changes and what was sent agree.
   */
  synchronized boolean isAllDelivered() {
    return exchanges == 0 && !hasUndelivered;
  }

  /**
   * Waits until no exchange is in the route, returning false if that takes too long or the thread
   * is interrupted.
   */
  synchronized boolean awaitNone(Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    while (exchanges > 0) {
      long millis = (deadline - System.nanoTime()) / 1_000_000;
      if (millis <= 0) {
        return false;
      }
      try {
        wait(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
    return true;
  }
}
