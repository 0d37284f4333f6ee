// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.ClusterConfig;
import dev.caravan.sandbox.kv.dcp.DcpProducer;
import dev.caravan.sandbox.kv.protocol.Opcode;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.protocol.Status;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import java.io.IOException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One client connection. It passes each frame to the commands that know it, and flushes the answers
 * when all received frames are answered.
 *
 * <p>It stops reading from a client that doesn't read its answers, so that answers can't pile up.
 * It always reads from a DCP connection, whose acknowledgements make room. Confined to the
 * connection's event loop.
 */
public final class KvConnection extends SimpleChannelInboundHandler<ByteBuf> {
  private static final int MAX_FRAME_LENGTH = Request.MAX_VALUE_LENGTH + (1 << 20);
  private static final Logger LOG = LoggerFactory.getLogger(KvConnection.class);

  private final KvNode node;
  private final SessionCommands sessionCommands;
  private final List<Commands> bucketCommands;
  private final Session session;

  private KvConnection(KvNode node, Channel channel) {
    this.node = node;
    session = new Session(channel, node.clusterConfig(), node.number());
    sessionCommands = new SessionCommands(node);
    bucketCommands =
        List.of(
            new DocumentCommands(),
            new DocumentEdits(),
            new SubdocCommands(),
            new BucketCommands(),
            new DcpCommands(node.idleTimeout()));
  }

  /** Adds the handlers of the protocol to the pipeline of a new channel. */
  public static void addTo(ChannelPipeline pipeline, KvNode node) {
    pipeline
        // The body length at offset 8 doesn't count the header of 24 bytes.
        .addLast(new LengthFieldBasedFrameDecoder(MAX_FRAME_LENGTH, 8, 4, 12, 0))
        .addLast(new KvConnection(node, pipeline.channel()));
  }

  /** Sends a new map of a bucket, if the client asked for that; any thread may call this. */
  public void push(Bucket changed, ClusterConfig.Revision revision) {
    session.push(changed, revision);
  }

  /** Whether this bucket is the selected one; any thread may call this. */
  public boolean uses(Bucket bucket) {
    return session.uses(bucket);
  }

  /** Breaks the connection; any thread may call this. */
  public void close() {
    session.close();
  }

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    node.connected(this);
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    node.disconnected(this);
    if (session.producer() != null) {
      session.producer().closed();
    }
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, ByteBuf frame) {
    Request request = new Request(frame);
    if (session.producer() != null) {
      session.producer().heard();
    }
    if (request.magic() == Request.MAGIC_CLIENT_RESPONSE) {
      return;
    }
    if (request.magic() == Request.MAGIC_RESPONSE) {
      if (request.opcode() == Opcode.DCP_NOOP && session.producer() != null) {
        session.producer().noopAnswered();
      }
      return;
    }
    node.requested();
    handle(request);
  }

  private void handle(Request request) {
    if (request.unknownFrameInfo()) {
      session.answer(request, Status.UNKNOWN_FRAME_INFO);
    } else if (sessionCommands.handleAnonymous(session, request)) {
      return;
    } else if (!session.isAuthenticated()) {
      session.answer(request, Status.EACCESS);
    } else if (sessionCommands.handle(session, request)) {
      return;
    } else if (bucketCommands.stream().noneMatch(c -> c.handle(session, request))) {
      session.answer(request, Status.UNKNOWN_COMMAND);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    context.flush();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    boolean writable = context.channel().isWritable();
    DcpProducer producer = session.producer();
    context.channel().config().setAutoRead(writable || producer != null);
    if (writable && producer != null) {
      producer.schedule();
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    if (cause instanceof IOException
        || cause instanceof DecoderException
        || cause instanceof IllegalArgumentException) {
      LOG.debug("Closing {}: {}", context.channel().remoteAddress(), cause.toString());
    } else {
      LOG.error("Closing {} after an error of the node", context.channel().remoteAddress(), cause);
    }
    context.close();
  }
}
