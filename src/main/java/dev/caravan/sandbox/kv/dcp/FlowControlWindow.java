// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

/**
 * The bytes that were sent to a DCP client and that it hasn't acknowledged.
 *
 * <p>A message may be sent while less than the capacity is outstanding, so the last one may go over
 * it by its own length. Bytes are those on the wire, header included. Confined to an event loop.
 */
public final class FlowControlWindow {
  private long capacity;
  private long outstanding;

  /** Sets the capacity in bytes; 0 means no flow control. */
  void resize(long bytes) {
    capacity = bytes;
  }

  boolean isOpen() {
    return capacity == 0 || Long.compareUnsigned(outstanding, capacity) < 0;
  }

  void charge(int bytes) {
    if (capacity != 0) {
      outstanding += bytes;
    }
  }

  /** Subtracts the bytes that the client has consumed, down to zero. */
  void acknowledge(long bytes) {
    outstanding = Math.max(0, outstanding - bytes);
  }
}
