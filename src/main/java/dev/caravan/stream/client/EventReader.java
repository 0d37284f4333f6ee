// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.dcp.message.DcpMutationMessage;
import com.couchbase.client.dcp.message.DcpSeqnoAdvancedRequest;
import com.couchbase.client.dcp.message.DcpSnapshotMarkerRequest;
import com.couchbase.client.dcp.message.DcpSystemEventRequest;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.RollbackMessage;
import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.offset.Offset;
import dev.caravan.stream.change.ChangeSink;
import dev.caravan.stream.change.DcpChange;
import dev.caravan.stream.change.DcpRollback;
import dev.caravan.stream.change.EventSource;
import dev.caravan.stream.cluster.ConnectionFailure;
import dev.caravan.stream.cluster.ConnectionFailure.Reason;
import dev.caravan.stream.flow.BufferedBytes;
import dev.caravan.stream.progress.AckTracker;
import dev.caravan.stream.progress.Position;
import dev.caravan.stream.progress.VbucketProgress;
import dev.caravan.stream.progress.VbucketStream;
import dev.caravan.stream.rollback.Reread;
import dev.caravan.stream.settings.StreamSettings;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns the events of a session's streams into {@link DcpChange}s and {@link AckTracker}.
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
public final class EventReader {
  private static final Logger LOG = LoggerFactory.getLogger(EventReader.class);

  private final boolean rollbackEvents;
  private final AckTracker progress;
  private final ChangeSink sink;
  private final BufferedBytes buffered;
  private final StreamStates states;
  private final Keyspaces keyspaces;
  private final SessionEnd sessionEnd;
  private final ObjLongConsumer<VbucketStream> onRollback;
  private final EventSource source;
  private volatile @Nullable VbucketStream[] vbuckets = new VbucketStream[0];

  /**
   * @param source of the events
   * @param onRollback called when Couchbase refuses a stream's offset and asks to go back to a
   *     seqno
   */
  public EventReader(
      StreamSettings settings,
      AckTracker progress,
      ChangeSink sink,
      BufferedBytes buffered,
      EventSource source,
      StreamStates states,
      SessionEnd sessionEnd,
      ObjLongConsumer<VbucketStream> onRollback) {
    this.rollbackEvents = settings.rollbackEvents();
    this.progress = progress;
    this.sink = sink;
    this.buffered = buffered;
    this.states = states;
    this.keyspaces = new Keyspaces(settings.collections());
    this.sessionEnd = sessionEnd;
    this.onRollback = onRollback;
    this.source = source;
  }

  /**
   * Makes ready for the streams of these vBuckets, before they are opened.
   *
   * @return the offsets to open them with
   */
  public Map<Integer, Offset> expect(Collection<Integer> expected, int vbucketCount) {
    Map<Integer, Offset> offsets = new HashMap<>();
    @Nullable VbucketStream[] streams = new VbucketStream[vbucketCount];
    for (int vbucket : expected) {
      VbucketStream stream = new VbucketStream(vbucket, progress.of(vbucket), this::rereadEnded);
      streams[vbucket] = stream;
      offsets.put(vbucket, stream.offset());
    }
    vbuckets = streams;
    return offsets;
  }

  /** Returns the stream of a vBucket; null if it is not read. */
  public @Nullable VbucketStream stream(int vbucket) {
    @Nullable VbucketStream[] streams = vbuckets;
    return vbucket < streams.length ? streams[vbucket] : null;
  }

  /** The vbuuid of the history that a vBucket's stream receives; 0 if the vBucket is not read. */
  public long vbuuid(int vbucket) {
    VbucketStream stream = stream(vbucket);
    return stream == null ? 0 : stream.vbuuid();
  }

  private VbucketStream streamOf(int vbucket) {
    VbucketStream stream = stream(vbucket);
    if (stream == null) {
      throw new IllegalStateException(
          "Couchbase sent an event of vBucket " + vbucket + ", which is not being read.");
    }
    return stream;
  }

  /** Owns the event and releases it. */
  public void onControl(ChannelFlowController window, ByteBuf event) {
    try {
      // None of these is handed on, so none has to be waited for.
      window.ack(event);
      if (sessionEnd.isOver()) {
        return;
      }
      if (RollbackMessage.is(event)) {
        onRollback.accept(streamOf(RollbackMessage.vbucket(event)), RollbackMessage.seqno(event));
        return;
      }
      VbucketStream vbucket = streamOf(MessageUtil.getVbucket(event));
      long manifestUid = states.of(vbucket.number()).getCollectionsManifestUid();
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
      sessionEnd.fail(error);
    } finally {
      event.release();
    }
  }

  /** Owns the event and releases it. */
  public void onData(ChannelFlowController window, ByteBuf event) {
    try {
      if (sessionEnd.isOver() || !hold(event.readableBytes())) {
        return;
      }
      VbucketStream vbucket = streamOf(MessageUtil.getVbucket(event));
      ChangeDecoder decoder = new ChangeDecoder(event, states.of(vbucket.number()), keyspaces);
      Position position =
          vbucket.onChange(
              DcpMutationMessage.bySeqno(event),
              decoder.keyHash(),
              MessageUtil.getCas(event),
              decoder.keyspace().selected());
      if (position == null) {
        window.ack(event);
        buffered.release(event.readableBytes());
        return;
      }
      sink.offer(decoder.change(source, window, position));
    } catch (Throwable error) {
      sessionEnd.fail(error);
    } finally {
      event.release();
    }
  }

  private void rereadEnded(Reread reread, Position position) {
    VbucketProgress vbucket = progress.of(position.vbucket());
    LOG.info(
        "vBucket {} of bucket '{}' was read again from seqno {} to where it was before, seqno {}:"
            + " Couchbase has lost {} of the changes that were published.",
        position.vbucket(),
        source.bucket(),
        Long.toUnsignedString(reread.fromSeqno()),
        Long.toUnsignedString(reread.refused().bySeqno()),
        reread.lost());
    if (rollbackEvents) {
      vbucket.add(position);
      sink.offer(
          new DcpRollback(source, position, reread.refused(), reread.newVbuuid(), reread.lost()));
    } else {
      vbucket.advance(position);
    }
  }

  private boolean hold(int bytes) {
    if (buffered.hold(bytes)) {
      return true;
    }
    sessionEnd.fail(
        new ConnectionFailure(
            Reason.OTHER,
            "Connections for bucket '"
                + source.bucket()
                + "' broke while "
                + buffered.count()
                + " bytes of changes were not done; reading again when they are."));
    return false;
  }
}
