// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.dcp.message.DcpMutationMessage;
import com.couchbase.client.dcp.message.DcpSeqnoAdvancedRequest;
import com.couchbase.client.dcp.message.DcpSnapshotMarkerRequest;
import com.couchbase.client.dcp.message.DcpSystemEventRequest;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.RollbackMessage;
import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.offset.Offset;
import dev.caravan.stream.ConnectionFailure.Reason;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

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
  private volatile @Nullable VbucketStream[] vbuckets = new VbucketStream[0];

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

  /**
   * Makes ready for the streams of these vBuckets, before they are opened.
   *
   * @return the offsets to open them with
   */
  Map<Integer, Offset> expect(Collection<Integer> expected, int vbucketCount) {
    Map<Integer, Offset> offsets = new HashMap<>();
    @Nullable VbucketStream[] streams = new VbucketStream[vbucketCount];
    for (int vbucket : expected) {
      VbucketStream stream =
          new VbucketStream(
              vbucket, progress.of(vbucket), settings.collections(), this::rereadEnded);
      streams[vbucket] = stream;
      offsets.put(vbucket, stream.offset());
    }
    vbuckets = streams;
    return offsets;
  }

  /** What was received of a vBucket; null if it is not read. */
  @Nullable VbucketStream stream(int vbucket) {
    @Nullable VbucketStream[] streams = vbuckets;
    return vbucket < streams.length ? streams[vbucket] : null;
  }

  private VbucketStream streamOf(ByteBuf event) {
    int vbucket = MessageUtil.getVbucket(event);
    VbucketStream stream = stream(vbucket);
    if (stream == null) {
      throw new IllegalStateException(
          "Couchbase sent an event of vBucket " + vbucket + ", which is not being read.");
    }
    return stream;
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
      VbucketStream vbucket = streamOf(event);
      long manifestUid = session.partitionState(vbucket.number()).getCollectionsManifestUid();
      if (DcpSnapshotMarkerRequest.is(event)) {
        vbucket.onSnapshot(
            DcpSnapshotMarkerRequest.startSeqno(event),
            DcpSnapshotMarkerRequest.endSeqno(event),
            manifestUid);
      } else if (DcpSeqnoAdvancedRequest.is(event)) {
        vbucket.onSeqnoAdvanced(DcpSeqnoAdvancedRequest.getSeqno(event), manifestUid);
      } else if (DcpSystemEventRequest.is(event)) {
        vbucket.onSystemEvent(DcpSystemEventRequest.getSeqno(event), manifestUid);
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
      VbucketStream vbucket = streamOf(event);
      ChangeDecoder decoder =
          new ChangeDecoder(event, vbucket, session.partitionState(vbucket.number()));
      Position position =
          vbucket.onChange(
              DcpMutationMessage.bySeqno(event),
              decoder.keyHash(),
              MessageUtil.getCas(event),
              decoder.keyspace().selected());
      if (position == null) {
        window.ack(event);
        held.release(event.readableBytes());
        return;
      }
      sink.offer(decoder.change(session, window, position));
    } catch (Throwable error) {
      session.fail(error);
    } finally {
      event.release();
    }
  }

  private void rereadEnded(Reread reread, Position position) {
    VbucketProgress vbucket = progress.of(position.vbucket);
    session.rereadEnded(reread, position.vbucket);
    if (settings.rollbackEvents()) {
      vbucket.add(position);
      sink.offer(new DcpRollback(session, position, reread));
    } else {
      vbucket.advance(position);
    }
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
