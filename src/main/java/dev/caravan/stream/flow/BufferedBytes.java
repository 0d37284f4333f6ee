// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.flow;

import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;

/**
 * Counts the bytes of a session's changes that are not done, and bounds them. Each connection that
 * is made again brings another flow-control window while that of the lost one is still being worked
 * on; more than two windows a node are too many, however often connections break.
 *
 * <p>Thread-safe.
 */
public final class BufferedBytes {
  private final int window;
  private final IntSupplier nodes;
  private final AtomicLong buffered = new AtomicLong();
  private volatile int largest;

  /**
   * @param window the flow-control window of a connection, in bytes
   * @param nodes how many nodes there are connections to
   */
  public BufferedBytes(int window, IntSupplier nodes) {
    this.window = window;
    this.nodes = nodes;
  }

  /**
   * Counts a change as buffered.
   *
   * @return whether it may be held
   */
  public boolean hold(int bytes) {
    if (bytes > largest) {
      largest = bytes;
    }
    // A server sends one message more than fits.
    long limit = 2L * nodes.getAsInt() * ((long) window + largest);
    return buffered.addAndGet(bytes) <= limit;
  }

  public void release(int bytes) {
    buffered.addAndGet(-bytes);
  }

  public long count() {
    return buffered.get();
  }
}
