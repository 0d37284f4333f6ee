// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.change;

import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.stream.progress.Position;
import java.util.List;
import java.util.function.ObjIntConsumer;

/**
 * One event of a vBucket, with its place in the vBucket's stream: a {@link DcpChange} or a {@link
 * DcpRollback}. Immutable.
 *
 * <p>A receiver must {@link #acknowledge} each event when it is done with it, from any thread;
 * until then the server counts its bytes against the flow-control window, and its vBucket's
 * progress doesn't pass it.
 */
public abstract class DcpEvent {
  private final EventSource source;
  private final ChannelFlowController window;
  private final int wireSize;
  private final Position position;

  /**
   * @param window returns the bytes of the event to the node
   * @param wireSize how many these are; 0 for an event that Couchbase didn't send as such
   */
  DcpEvent(EventSource source, ChannelFlowController window, int wireSize, Position position) {
    this.source = source;
    this.window = window;
    this.wireSize = wireSize;
    this.position = position;
  }

  public String bucket() {
    return source.bucket();
  }

  public int vbucket() {
    return position.vbucket();
  }

  /** The id of the vBucket's history that the sequence number belongs to. */
  public long vbuuid() {
    return position.vbuuid();
  }

  /** The event's sequence number in its vBucket, unsigned. */
  public long seqno() {
    return position.seqno();
  }

  /** How many bytes the inflated value takes, without inflating it. */
  public abstract int contentSize();

  /** Whether the event's session is closed, so that the event will arrive again from the next. */
  public boolean isStale() {
    return source.isClosed();
  }

  /** Notes that events go into a route. */
  public static void dispatched(List<? extends DcpEvent> events) {
    bySource(events, EventSource::dispatched);
  }

  /** Notes that events have left the route, acknowledged or not. */
  public static void completed(List<? extends DcpEvent> events) {
    bySource(events, EventSource::completed);
  }

  private static void bySource(
      List<? extends DcpEvent> events, ObjIntConsumer<EventSource> action) {
    int count = 0;
    for (int i = 0; i < events.size(); i++) {
      DcpEvent event = events.get(i);
      count++;
      DcpEvent next = i + 1 < events.size() ? events.get(i + 1) : null;
      if (next == null || next.source != event.source) {
        action.accept(event.source, count);
        count = 0;
      }
    }
  }

  /**
   * Marks events as done and returns their bytes to the flow-control windows that they came
   * through.
   */
  public static void acknowledge(List<? extends DcpEvent> events) {
    int bytes = 0;
    for (int i = 0; i < events.size(); i++) {
      DcpEvent event = events.get(i);
      event.source.acknowledge(event.position);
      bytes += event.wireSize;
      DcpEvent next = i + 1 < events.size() ? events.get(i + 1) : null;
      if (next == null || next.window != event.window) {
        event.source.release(event.window, bytes);
        bytes = 0;
      }
    }
  }
}
