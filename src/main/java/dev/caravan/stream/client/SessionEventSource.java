// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.stream.change.EventSource;
import dev.caravan.stream.flow.BufferedBytes;
import dev.caravan.stream.flow.DispatchedEvents;
import dev.caravan.stream.progress.AckTracker;
import dev.caravan.stream.progress.Position;

/** The events of one session. Thread-safe. */
public final class SessionEventSource implements EventSource {
  private final String bucket;
  private final AckTracker progress;
  private final BufferedBytes buffered;
  private final DispatchedEvents dispatched;
  private final SessionEnd sessionEnd;

  public SessionEventSource(
      String bucket,
      AckTracker progress,
      BufferedBytes buffered,
      DispatchedEvents dispatched,
      SessionEnd sessionEnd) {
    this.bucket = bucket;
    this.progress = progress;
    this.buffered = buffered;
    this.dispatched = dispatched;
    this.sessionEnd = sessionEnd;
  }

  @Override
  public String bucket() {
    return bucket;
  }

  @Override
  public boolean isClosed() {
    return sessionEnd.isClosed();
  }

  @Override
  public void dispatched(int events) {
    dispatched.dispatched(events);
  }

  @Override
  public void completed(int events) {
    dispatched.completed(events);
  }

  @Override
  public void acknowledge(Position position) {
    progress.acknowledge(position);
  }

  @Override
  public void release(ChannelFlowController window, int bytes) {
    buffered.release(bytes);
    try {
      window.ack(bytes);
    } catch (Throwable error) {
      sessionEnd.fail(error);
    }
  }
}
