// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.flow;

/**
 * The flow-control window of one connection, as far as it is used. Its size is fixed when the
 * connection is opened. When its share of the memory budget becomes less, because there are more
 * connections, it keeps as many of the bytes that are done to itself: the node waits for their
 * acknowledgement, and so sends less ahead. When the share grows it gives them back.
 *
 * <p>Never less than a sixteenth of the window is used: the client gathers up to a hundredth of it
 * before it acknowledges anything.
 *
 * <p>Not thread-safe: for the connection's event loop.
 */
public final class FlowWindow {
  private static final int SMALLEST_PART = 16;

  /**
   * Bytes are acknowledged to the node once they are a fifth of the window. That is earlier than at
   * the client's own 80 %, so the node refills the window while the rest is processed.
   */
  private static final int ACKNOWLEDGED_PART = 5;

  private final int size;
  private final MemoryBudget budget;
  private long kept;

  /**
   * @param size in bytes, as the node knows it
   * @param budget that this connection is a user of
   */
  public FlowWindow(int size, MemoryBudget budget) {
    this.size = size;
    this.budget = budget;
  }

  /** How many bytes the node may send ahead, once what is too many is kept. */
  int used() {
    return Math.max(size / SMALLEST_PART, Math.min(size, budget.share()));
  }

  /**
   * Takes bytes that are done.
   *
   * @return how many bytes to acknowledge to the node now, these or others; 0 for none
   */
  public int acknowledge(int done) {
    kept += done;
    int used = used();
    long surplus = kept - (size - used);
    if (surplus <= 0 || surplus < used / ACKNOWLEDGED_PART) {
      return 0;
    }
    kept -= surplus;
    return (int) surplus;
  }
}
