// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import java.time.Duration;

/** Counts the exchanges in a route, their documents and the bytes of these. Thread-safe. */
final class InFlight {
  private final int maxDocuments;
  private final long maxBytes;
  private int exchanges;
  private int documents;
  private long begun;
  private long bytes;
  private boolean roomWanted;

  InFlight(int maxDocuments, long maxBytes) {
    this.maxDocuments = maxDocuments;
    this.maxBytes = maxBytes;
  }

  long maxBytes() {
    return maxBytes;
  }

  /** Whether another exchange may begin. If not, a later {@link #end} tells when. */
  synchronized boolean hasRoom() {
    roomWanted = exchanges > 0 && (documents >= maxDocuments || bytes >= maxBytes);
    return !roomWanted;
  }

  synchronized void begin(int count, long size) {
    exchanges++;
    begun++;
    documents += count;
    bytes += size;
  }

  /** Returns whether somebody waits for the room that this makes. */
  synchronized boolean end(int count, long size) {
    exchanges--;
    documents -= count;
    bytes -= size;
    if (exchanges == 0) {
      notifyAll();
    }
    boolean wanted = roomWanted;
    roomWanted = false;
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
