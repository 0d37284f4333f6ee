// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.dcp.message.DcpMutationMessage;
import com.couchbase.client.dcp.message.DcpSeqnoAdvancedRequest;
import com.couchbase.client.dcp.message.DcpSnapshotMarkerRequest;
import com.couchbase.client.dcp.message.DcpSystemEventRequest;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.RollbackMessage;
import com.couchbase.client.dcp.state.PartitionState;
import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.offset.Offset;
import dev.caravan.stream.ConnectionFailure.Reason;
import java.util.Map;

/**
 * Turns the events of a session's streams into {@link DcpChange}s and {@link Progress}.
 *
 * <p>It is made of the client's low-level handlers: per document they cost one {@link DcpChange}
 * and one {@link Position}, and the value is copied off the Netty buffer once, still compressed.
 * Each handler owns the buffer that it is given and releases it, whatever happens. What goes wrong
 * in one ends the session, since no event after a lost one may count.
 *
 * <p>The handlers run on event loops and never block. A vBucket's events come from one at a time:
 * from that of its connection or, if they were held back until they are persisted, from that which
 * saw the last copy persisted, under the client's lock of the vBucket.
 */
final class EventReader {
  private final DcpSession session;
  private final StreamSettings settings;
  private final Progress progress;
  private final ChangeSink sink;
  private final HeldBytes held;
  private volatile VbucketStream[] vbuckets = new VbucketStream[0];

  EventReader(
      DcpSession session,
      StreamSettings settings,
      Progress progress,
      ChangeSink sink,
      HeldBytes held) {
    this.session = session;
    this.settings = settings;
    this.progress = progress;
    this.sink = sink;
    this.held = held;
  }

  /** Makes ready for the streams of these vBuckets, before they are opened. */
  void expect(Map<Integer, Offset> from, int vbucketCount) {
    VbucketStream[] streams = new VbucketStream[vbucketCount];
    from.forEach(
        (vbucket, offset) ->
            streams[vbucket] =
                new VbucketStream(vbucket, offset.bySeqno(), settings.collections()));
    vbuckets = streams;
  }

  /** Owns the event and releases it. */
  void onControl(ChannelFlowController window, ByteBuf event) {
    try {
      // None of these is handed on, so none has to be waited for.
      window.ack(event);
      if (session.isOver()) {
        return;
      }
      if (RollbackMessage.is(event)) {
        session.onRollback(RollbackMessage.vbucket(event), RollbackMessage.seqno(event));
        return;
      }
      VbucketStream vbucket = vbuckets[MessageUtil.getVbucket(event)];
      PartitionState state = session.partitionState(vbucket.number());
      if (DcpSnapshotMarkerRequest.is(event)) {
        vbucket.onSnapshot(
            state,
            DcpSnapshotMarkerRequest.startSeqno(event),
            DcpSnapshotMarkerRequest.endSeqno(event));
      } else if (DcpSeqnoAdvancedRequest.is(event)) {
        long seqno = DcpSeqnoAdvancedRequest.getSeqno(event);
        if (vbucket.advance(seqno)) {
          vbucket.onSnapshot(state, seqno, seqno);
          progress.advance(vbucket.number(), vbucket.snapshot(), seqno);
        }
      } else if (DcpSystemEventRequest.is(event)) {
        long seqno = DcpSystemEventRequest.getSeqno(event);
        vbucket.onManifest(state);
        if (vbucket.advance(seqno)) {
          progress.advance(vbucket.number(), vbucket.snapshot(), seqno);
        }
      }
    } catch (Throwable error) {
      session.fail(error);
    } finally {
      event.release();
    }
  }

  /** Owns the event and releases it. */
  void onData(ChannelFlowController window, ByteBuf event) {
    try {
      if (session.isOver() || !hold(event.readableBytes())) {
        return;
      }
      VbucketStream vbucket = vbuckets[MessageUtil.getVbucket(event)];
      long seqno = DcpMutationMessage.bySeqno(event);
      ChangeDecoder decoder =
          new ChangeDecoder(event, vbucket, session.partitionState(vbucket.number()));
      boolean comesTwice = !vbucket.advance(seqno);
      if (comesTwice || !decoder.keyspace().selected()) {
        if (!comesTwice) {
          progress.advance(vbucket.number(), vbucket.snapshot(), seqno);
        }
        window.ack(event);
        held.release(event.readableBytes());
        return;
      }
      Position position = progress.add(vbucket.number(), vbucket.snapshot(), seqno);
      sink.offer(decoder.change(session, window, position));
    } catch (Throwable error) {
      session.fail(error);
    } finally {
      event.release();
    }
  }

  /**
   * Notes that a vBucket's history was lost in part, before its stream is opened again.
   *
   * @param from where that will be, in the history that was asked for
   * @param refused what was asked for
   * @param newVbuuid the history that the vBucket has now
   */
  void rolledBack(int vbucket, Offset from, Offset refused, long newVbuuid) {
    if (session.isOver()) {
      return;
    }
    vbuckets[vbucket].rolledBack(from.bySeqno());
    StreamSnapshot snapshot =
        new StreamSnapshot(
            from.vbuuid(),
            from.snapshotStartSeqno(),
            from.snapshotEndSeqno(),
            from.collectionsManifestUid());
    if (!settings.rollbackEvents()) {
      progress.advance(vbucket, snapshot, from.bySeqno());
      return;
    }
    Position position = progress.add(vbucket, snapshot, from.bySeqno());
    sink.offer(new DcpRollback(session, position, refused.bySeqno(), refused.vbuuid(), newVbuuid));
  }

  private boolean hold(int bytes) {
    if (held.hold(bytes)) {
      return true;
    }
    session.fail(
        new ConnectionFailure(
            Reason.OTHER,
            "Connections for bucket '"
                + session.bucket()
                + "' broke while "
                + held.count()
                + " bytes of changes were not done; reading again when they are."));
    return false;
  }
}
