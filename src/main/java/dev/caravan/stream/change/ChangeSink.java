// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.change;

/**
 * Takes changes from the event loops. Must return at once: noops of the same connection wait behind
 * it.
 */
public interface ChangeSink {

  /** Takes one event; those of one vBucket come in stream order. */
  void offer(DcpEvent event);

  /**
   * Signals an event other than a change, so that the delivery loop should look after its streams.
   */
  void wakeUp();
}
