// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import static java.util.Objects.requireNonNull;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.buffer.Unpooled;
import com.couchbase.client.core.deps.io.netty.channel.ChannelDuplexHandler;
import com.couchbase.client.core.deps.io.netty.channel.ChannelHandlerContext;
import com.couchbase.client.core.deps.io.netty.channel.ChannelPromise;
import com.couchbase.client.core.deps.io.netty.util.concurrent.EventExecutor;
import com.couchbase.client.dcp.message.DcpBufferAckRequest;
import com.couchbase.client.dcp.message.DcpSnapshotMarkerRequest;
import com.couchbase.client.dcp.message.DcpStreamEndMessage;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.ResponseStatus;
import com.couchbase.client.dcp.message.StreamEndReason;
import dev.caravan.stream.persistence.GatedConnection;
import dev.caravan.stream.persistence.PersistenceMonitor;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Holds the events of one connection's streams back until they are persisted on every node that
 * keeps their vBuckets, so that a failover takes nothing back that was read. What lies behind it in
 * the pipeline, the client included, sees each event only then. So a stream that is opened again
 * continues after the last event that was let through, and whatever is still held when its
 * connection or stream ends is thrown away.
 *
 * <p>What is held is not acknowledged, and so bounded by the flow-control window: it is held as a
 * copy, which takes as many bytes as the window counts.
 *
 * <p>The handler's methods run on the connection's event loop; the others are for any thread.
 */
final class PersistenceGate extends ChannelDuplexHandler implements GatedConnection {
  /** An event, owned by the gate while it is held. */
  private record Held(long seqno, ByteBuf event) {}

  private final String address;
  private final PersistenceMonitor monitor;
  private final Map<Integer, ArrayDeque<Held>> held = new HashMap<>();

  /** The vBuckets of the stream requests that are not answered yet, by opaque. */
  private final Map<Integer, Integer> opening = new HashMap<>();

  private volatile @Nullable ChannelHandlerContext context;

  /**
   * @param address of the node, as the cluster map has it
   */
  PersistenceGate(String address, PersistenceMonitor monitor) {
    this.address = address;
    this.monitor = monitor;
  }

  @Override
  public String address() {
    return address;
  }

  private ChannelHandlerContext context() {
    return requireNonNull(context, "not in a pipeline");
  }

  @Override
  public EventExecutor executor() {
    return context().executor();
  }

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    context = added;
  }

  @Override
  public void channelActive(ChannelHandlerContext active) {
    monitor.opened(this);
    active.fireChannelActive();
  }

  @Override
  public void channelInactive(ChannelHandlerContext inactive) {
    monitor.closed(this);
    held.values().forEach(queue -> queue.forEach(event -> event.event().release()));
    held.clear();
    opening.clear();
    inactive.fireChannelInactive();
  }

  @Override
  public void write(ChannelHandlerContext to, Object message, ChannelPromise promise) {
    ByteBuf frame = (ByteBuf) message;
    if (frame.getByte(1) == MessageUtil.DCP_STREAM_REQUEST_OPCODE
        && frame.getByte(0) == MessageUtil.MAGIC_REQ) {
      int vbucket = MessageUtil.getVbucket(frame);
      opening.put(MessageUtil.getOpaque(frame), vbucket);
      monitor.forget(vbucket);
    }
    to.write(message, promise);
  }

  /**
   * A stream that was opened sends again what is held: the request has the offset before it. But
   * the answer may also be that the stream is open already, which goes on after what is held (the
   * client asks twice when a connection breaks while it opens streams).
   */
  private void answered(ByteBuf response) {
    if (response.getByte(1) != MessageUtil.DCP_STREAM_REQUEST_OPCODE) {
      return;
    }
    Integer vbucket = opening.remove(MessageUtil.getOpaque(response));
    if (vbucket != null
        && !MessageUtil.getResponseStatus(response).equals(ResponseStatus.KEY_EXISTS)) {
      discard(vbucket);
      monitor.forget(vbucket);
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext from, Object message) {
    ByteBuf frame = (ByteBuf) message;
    if (frame.getByte(0) != MessageUtil.MAGIC_REQ) {
      answered(frame);
      from.fireChannelRead(message);
      return;
    }
    switch (frame.getByte(1)) {
      case MessageUtil.DCP_MUTATION_OPCODE,
          MessageUtil.DCP_DELETION_OPCODE,
          MessageUtil.DCP_EXPIRATION_OPCODE,
          MessageUtil.DCP_SYSTEM_EVENT_OPCODE,
          MessageUtil.DCP_SEQNO_ADVANCED_OPCODE ->
          // The seqno is the first of the extras of all of these.
          pass(frame, frame.getLong(MessageUtil.HEADER_SIZE));
      case MessageUtil.DCP_SNAPSHOT_MARKER_OPCODE ->
          pass(frame, DcpSnapshotMarkerRequest.startSeqno(frame));
      case MessageUtil.DCP_STREAM_END_OPCODE -> end(frame);
      default -> from.fireChannelRead(message);
    }
  }

  /** Lets an event through, or holds it: after one that is held, or until it is persisted. */
  private void pass(ByteBuf event, long seqno) {
    int vbucket = MessageUtil.getVbucket(event);
    ArrayDeque<Held> queue = held.get(vbucket);
    if (queue != null) {
      queue.add(hold(seqno, event));
    } else if (monitor.isPersisted(vbucket, seqno)) {
      context().fireChannelRead(event);
    } else {
      queue = new ArrayDeque<>();
      queue.add(hold(seqno, event));
      held.put(vbucket, queue);
      monitor.waits(vbucket, this);
    }
  }

  /**
   * Copies an event, and releases it. It is a part of what was read from the socket at once, up to
   * 64 KiB with events of other vBuckets, all of which would be kept as long as it is held.
   */
  private Held hold(long seqno, ByteBuf event) {
    try {
      int bytes = event.readableBytes();
      return new Held(seqno, context().alloc().buffer(bytes, bytes).writeBytes(event));
    } finally {
      event.release();
    }
  }

  private void end(ByteBuf event) {
    int vbucket = DcpStreamEndMessage.vbucket(event);
    ArrayDeque<Held> queue = held.get(vbucket);
    if (queue != null && DcpStreamEndMessage.reason(event).equals(StreamEndReason.OK)) {
      // All is sent up to the requested end, which comes through with the last event.
      queue.add(hold(queue.getLast().seqno(), event));
      return;
    }
    discard(vbucket);
    context().fireChannelRead(event);
  }

  /** Throws away what is held of a vBucket, and gives its bytes back to the window. */
  private void discard(int vbucket) {
    ArrayDeque<Held> queue = held.remove(vbucket);
    if (queue == null) {
      return;
    }
    monitor.waitsNoMore(vbucket, this);
    int bytes = 0;
    for (Held each : queue) {
      bytes += each.event().readableBytes();
      each.event().release();
    }
    queue.clear();
    ByteBuf acknowledgement = context().alloc().buffer();
    DcpBufferAckRequest.init(acknowledgement);
    DcpBufferAckRequest.ackBytes(acknowledgement, bytes);
    context().writeAndFlush(acknowledgement);
  }

  /**
   * Lets nothing through while the stream is being opened, as its events may come again. Asks for
   * the persisted seqno on the event loop: a stream that was opened again in between has other
   * changes.
   */
  @Override
  public void release(int vbucket) {
    EventExecutor loop = executor();
    if (!loop.inEventLoop()) {
      loop.execute(() -> release(vbucket));
      return;
    }
    ArrayDeque<Held> queue = held.get(vbucket);
    if (queue == null || opening.containsValue(vbucket)) {
      return;
    }
    // Events arrive on this thread, so none arrives in between.
    for (Held first = queue.peek();
        first != null && monitor.isPersisted(vbucket, first.seqno());
        first = queue.peek()) {
      queue.remove();
      context().fireChannelRead(first.event());
    }
    if (queue.isEmpty() && held.remove(vbucket, queue)) {
      monitor.waitsNoMore(vbucket, this);
    }
  }

  /**
   * Asks the node how far its copy of a vBucket is persisted (kv_engine, docs/BinaryProtocol.md,
   * "Observe seqno").
   *
   * <pre>
   * question | header: 24 bytes | vbuuid: 8 |
   * answer   | header: 24 bytes | failed over: 1 | vBucket: 2 | vbuuid: 8 | persisted: 8 | current: 8 | ..
   * </pre>
   */
  @Override
  public CompletableFuture<Observed> observe(int vbucket, long vbuuid) {
    ByteBuf request = Unpooled.buffer();
    MessageUtil.initRequest(MessageUtil.OBSERVE_SEQNO_OPCODE, request);
    MessageUtil.setVbucket(vbucket, request);
    ByteBuf content = Unpooled.buffer(Long.BYTES).writeLong(vbuuid);
    MessageUtil.setContent(content, request);
    content.release();
    return NodeRequest.send(
        context().pipeline(),
        request,
        response -> {
          ByteBuf body = MessageUtil.getContent(response);
          int start = body.readerIndex() + 3;
          return new Observed(body.getLong(start), body.getLong(start + Long.BYTES));
        });
  }
}
