// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import java.util.List;

/**
 * One thing that a route is told of a vBucket, with its place in the vBucket's stream: a {@link
 * DcpChange} or a {@link DcpRollback}. Immutable.
 *
 * <p>Whoever takes an event must {@link #acknowledge} it when it is done with it, from any thread;
 * until then the server counts its bytes against the flow-control window, and its vBucket's
 * progress doesn't pass it.
 */
public abstract sealed class DcpEvent permits DcpChange, DcpRollback {
  private final DcpSession session;
  private final ChannelFlowController window;
  private final int wireSize;
  private final Position position;

  /**
   * @param window where the bytes of the event are given back
   * @param wireSize how many these are; 0 for an event that Couchbase didn't send as such
   */
  DcpEvent(DcpSession session, ChannelFlowController window, int wireSize, Position position) {
    this.session = session;
    this.window = window;
    this.wireSize = wireSize;
    this.position = position;
  }

  public String bucket() {
    return session.bucket();
  }

  public int vbucket() {
    return position.vbucket;
  }

  /** The id of the vBucket's history that the sequence number belongs to. */
  public long vbuuid() {
    return position.snapshot.vbuuid();
  }

  /** The event's sequence number in its vBucket, unsigned. */
  public long seqno() {
    return position.seqno;
  }

  /** How many bytes the inflated value takes, without inflating it. */
  public abstract int contentSize();

  /**
   * Whether the session that this came from is over, so that it will arrive again from the next
   * one.
   */
  public boolean isStale() {
    return session.isClosed();
  }

  /** The bucket stream that this is part of. */
  public BucketStream stream() {
    return session.stream();
  }

  /**
   * Marks events as done and gives their bytes back to the flow-control windows that they came
   * through.
   */
  public static void acknowledge(List<? extends DcpEvent> events) {
    int bytes = 0;
    for (int i = 0; i < events.size(); i++) {
      DcpEvent event = events.get(i);
      event.session.progress().acknowledge(event.position);
      bytes += event.wireSize;
      DcpEvent next = i + 1 < events.size() ? events.get(i + 1) : null;
      if (next == null || next.window != event.window) {
        event.session.done(event.window, bytes);
        bytes = 0;
      }
    }
  }
}
