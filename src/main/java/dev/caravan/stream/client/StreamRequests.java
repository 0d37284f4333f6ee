// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.ResponseStatus;
import dev.caravan.offset.Offset;
import dev.caravan.stream.progress.LastReceivedSeqnos;
import dev.caravan.stream.progress.VbucketStream;
import dev.caravan.stream.rollback.FailoverHistory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The stream requests of one connection and their answers. The client opens a stream again by
 * itself when a connection breaks or a vBucket moves, and then takes the start of the last snapshot
 * marker for the start of the snapshot; here, the request gets the offset that {@link
 * VbucketStream} knows instead.
 *
 * <p>A request has (kv_engine, docs/dcp/documentation/commands/stream-request.md):
 *
 * <pre>
 * | header: 24 bytes, the vBucket in bytes 6 and 7 | flags: 4 | reserved: 4
 * | start seqno: 8 | end seqno: 8 | vbuuid: 8 | snapshot start: 8 | snapshot end: 8 | value
 * </pre>
 *
 * and the answer, if the stream is open, the failover log, the newest entry first:
 *
 * <pre>
 * | header: 24 bytes | vbuuid: 8 | seqno: 8 | vbuuid: 8 | seqno: 8 | ...
 * </pre>
 *
 * <p>For the connection's event loop. It neither keeps nor releases a buffer.
 */
final class StreamRequests {
  private static final int START_SEQNO = MessageUtil.HEADER_SIZE + 8;
  private static final int VBUUID = START_SEQNO + 16;
  private static final int SNAPSHOT_START = VBUUID + 8;
  private static final int SNAPSHOT_END = SNAPSHOT_START + 8;

  /** Takes note of streams that Couchbase has opened. */
  @FunctionalInterface
  interface Listener {
    void opened(VbucketStream stream, FailoverHistory history);
  }

  /** A request that is not answered yet, and the seqno after which it asks, unsigned. */
  private record Request(VbucketStream stream, long startSeqno) {}

  private final IntFunction<@Nullable VbucketStream> streams;
  private final LastReceivedSeqnos lastReceived;
  private final MisdirectedRequests misdirected;
  private final Listener listener;
  private final Map<Integer, Request> requested = new HashMap<>();

  /**
   * @param streams of the session, by vBucket; null for one that is not to be read
   * @param lastReceived set back for each stream that is opened
   * @param misdirected counts the answers NOT_MY_VBUCKET of the session
   */
  StreamRequests(
      IntFunction<@Nullable VbucketStream> streams,
      LastReceivedSeqnos lastReceived,
      MisdirectedRequests misdirected,
      Listener listener) {
    this.streams = streams;
    this.lastReceived = lastReceived;
    this.misdirected = misdirected;
    this.listener = listener;
  }

  /** A stream request is sent. */
  void sent(ByteBuf request) {
    VbucketStream stream = streams.apply(MessageUtil.getVbucket(request));
    if (stream == null) {
      return;
    }
    Offset offset = stream.offset();
    request.setLong(START_SEQNO, offset.bySeqno());
    request.setLong(VBUUID, offset.vbuuid());
    request.setLong(SNAPSHOT_START, offset.snapshotStartSeqno());
    request.setLong(SNAPSHOT_END, offset.snapshotEndSeqno());
    requested.put(MessageUtil.getOpaque(request), new Request(stream, offset.bySeqno()));
  }

  /**
   * The answer to a stream request has come. Only success opens the stream: the client may request
   * a stream twice, and the second answer is KEY_EXISTS, while the open stream goes on.
   */
  void answered(ByteBuf response) {
    Request request = requested.remove(MessageUtil.getOpaque(response));
    if (request == null) {
      return;
    }
    ResponseStatus status = MessageUtil.getResponseStatus(response);
    if (status.equals(ResponseStatus.NOT_MY_VBUCKET)) {
      misdirected.refused(request.stream().number());
    } else if (status.isSuccess()) {
      misdirected.opened(request.stream().number());
      // Events after that seqno that were held back are discarded, and arrive again.
      lastReceived.set(request.stream().number(), request.startSeqno());
      ByteBuf content = MessageUtil.getContent(response);
      List<FailoverHistory.Branch> log = new ArrayList<>();
      for (int at = 0; at + 16 <= content.readableBytes(); at += 16) {
        long vbuuid = content.getLong(content.readerIndex() + at);
        log.add(
            new FailoverHistory.Branch(vbuuid, content.getLong(content.readerIndex() + at + 8)));
      }
      listener.opened(request.stream(), new FailoverHistory(log));
    }
  }
}
