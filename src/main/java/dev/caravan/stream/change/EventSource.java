// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.change;

import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.stream.progress.Position;

/**
 * The session that events come from, as far as an event needs it. Thread-safe; no method blocks or
 * throws.
 */
public interface EventSource {
  String bucket();

  /** Whether the session is closed, so that its events will arrive again from the next one. */
  boolean isClosed();

  /** Counts events that go into a route. */
  void dispatched(int events);

  /** Counts events that leave the route, acknowledged or not. */
  void completed(int events);

  /** Marks an event as done, so that its vBucket's progress may pass it. */
  void acknowledge(Position position);

  /**
   * Returns the bytes of events that are done to the flow-control window that they came through. If
   * that fails, the node may wait for the bytes forever, so the session ends.
   */
  void release(ChannelFlowController window, int bytes);
}
