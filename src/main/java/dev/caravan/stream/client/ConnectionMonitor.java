// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.buffer.Unpooled;
import com.couchbase.client.core.deps.io.netty.channel.Channel;
import com.couchbase.client.core.deps.io.netty.channel.ChannelDuplexHandler;
import com.couchbase.client.core.deps.io.netty.channel.ChannelHandlerContext;
import com.couchbase.client.core.deps.io.netty.channel.ChannelPromise;
import com.couchbase.client.dcp.message.DcpGetPartitionSeqnosResponse;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.PartitionAndSeqno;
import com.couchbase.client.dcp.message.VbucketState;
import dev.caravan.stream.flow.FlowWindow;
import dev.caravan.stream.flow.MemoryBudget;
import dev.caravan.stream.progress.LastReceivedSeqnos;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Sees what one connection carries: how far each vBucket has come, and whether the flow-control
 * window keeps the node from sending more. It changes acknowledgements as the {@link FlowWindow}
 * says; of all else, it neither keeps nor releases a buffer that goes by.
 *
 * <p>The handler's methods run on the connection's event loop; the others are for any thread.
 */
public final class ConnectionMonitor extends ChannelDuplexHandler {
  private final Channel channel;
  private final LastReceivedSeqnos lastReceived;
  private final int size;
  private final FlowWindow window;
  private final StreamRequests requests;
  private final AtomicBoolean full = new AtomicBoolean();
  private volatile long unacknowledged;

  /**
   * @param size of the window: the bytes that the node may send before they are acknowledged
   * @param requests sees stream requests and their answers
   */
  ConnectionMonitor(
      Channel channel, LastReceivedSeqnos lastReceived, int size, StreamRequests requests) {
    this.channel = channel;
    this.lastReceived = lastReceived;
    this.size = size;
    this.window = new FlowWindow(size, MemoryBudget.WINDOWS);
    this.requests = requests;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf frame = (ByteBuf) message;
    if (frame.getByte(0) == MessageUtil.MAGIC_REQ) {
      switch (frame.getByte(1)) {
        case MessageUtil.DCP_MUTATION_OPCODE,
            MessageUtil.DCP_DELETION_OPCODE,
            MessageUtil.DCP_EXPIRATION_OPCODE,
            MessageUtil.DCP_SYSTEM_EVENT_OPCODE,
            MessageUtil.DCP_SEQNO_ADVANCED_OPCODE -> {
          // The seqno is the first of the extras of all of these.
          lastReceived.set(MessageUtil.getVbucket(frame), frame.getLong(MessageUtil.HEADER_SIZE));
          count(frame.readableBytes());
        }
        case MessageUtil.DCP_SNAPSHOT_MARKER_OPCODE, MessageUtil.DCP_STREAM_END_OPCODE ->
            count(frame.readableBytes());
        default -> {}
      }
    } else if (frame.getByte(1) == MessageUtil.DCP_STREAM_REQUEST_OPCODE) {
      requests.answered(frame);
    }
    context.fireChannelRead(message);
  }

  @Override
  public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
    ByteBuf frame = (ByteBuf) message;
    if (frame.getByte(1) == MessageUtil.DCP_BUFFER_ACK_OPCODE) {
      int bytes = window.acknowledge(frame.getInt(MessageUtil.HEADER_SIZE));
      if (bytes == 0) {
        frame.release();
        promise.trySuccess();
        return;
      }
      frame.setInt(MessageUtil.HEADER_SIZE, bytes);
      count(-bytes);
    } else if (frame.getByte(1) == MessageUtil.DCP_STREAM_REQUEST_OPCODE) {
      requests.sent(frame);
    }
    context.write(message, promise);
  }

  private void count(int bytes) {
    // Only the event loop writes it.
    long now = unacknowledged + bytes;
    unacknowledged = now;
    if (now >= size) {
      full.set(true);
    }
  }

  /** Whether the node could not send anything, now or at some moment since the last call. */
  public boolean wasFull() {
    return full.getAndSet(false) || unacknowledged >= size;
  }

  /**
   * Asks for the high seqnos of the vBuckets that are active on this node (kv_engine,
   * docs/BinaryProtocol.md, "Get all vbucket sequence numbers").
   *
   * <pre>
   * extras  | state: 4 bytes | collection: 4 bytes, optional |
   * </pre>
   *
   * @param collection of which; without one, of the vBucket
   * @return fails if the node doesn't answer, or refuses
   */
  public CompletableFuture<List<PartitionAndSeqno>> highSeqnos(OptionalLong collection) {
    ByteBuf extras = Unpooled.buffer(8).writeInt(VbucketState.ACTIVE.value());
    collection.ifPresent(id -> extras.writeInt((int) id));
    ByteBuf request = Unpooled.buffer();
    MessageUtil.initRequest(MessageUtil.GET_SEQNOS_OPCODE, request);
    MessageUtil.setExtras(extras, request);
    extras.release();
    return NodeRequest.send(channel.pipeline(), request, DcpGetPartitionSeqnosResponse::parse);
  }
}
