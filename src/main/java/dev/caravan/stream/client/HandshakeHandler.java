// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import static com.couchbase.client.dcp.message.MessageUtil.HELLO_OPCODE;
import static com.couchbase.client.dcp.message.MessageUtil.OPEN_CONNECTION_OPCODE;
import static com.couchbase.client.dcp.message.MessageUtil.SASL_AUTH_OPCODE;
import static com.couchbase.client.dcp.message.MessageUtil.SASL_LIST_MECHS_OPCODE;
import static com.couchbase.client.dcp.message.MessageUtil.SASL_STEP_OPCODE;
import static com.couchbase.client.dcp.message.MessageUtil.SELECT_BUCKET_OPCODE;
import static com.couchbase.client.dcp.message.MessageUtil.VERSION_OPCODE;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.channel.ChannelDuplexHandler;
import com.couchbase.client.core.deps.io.netty.channel.ChannelHandlerContext;
import com.couchbase.client.core.deps.io.netty.channel.ChannelPromise;
import com.couchbase.client.core.deps.io.netty.handler.ssl.SslHandshakeCompletionEvent;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.OpenConnectionFlag;
import com.couchbase.client.dcp.message.ResponseStatus;
import dev.caravan.stream.cluster.ConnectionFailure;
import dev.caravan.stream.cluster.ConnectionFailure.Reason;
import dev.caravan.stream.cluster.NodeConnections;
import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Observes one connection's handshake and reports its result to {@link NodeConnections}; removes
 * itself from the pipeline once DCP is open, so that documents don't pass through it. It neither
 * keeps nor releases a buffer.
 *
 * <p>It changes one thing: the open request gets the flag for delete times, which the client's
 * builder can't set and without which a server sends expirations as deletions
 * (couchbase-kv/README.md: "returns success but does nothing without DELETE_TIMES").
 *
 * <p>Runs on the connection's event loop only.
 */
final class HandshakeHandler extends ChannelDuplexHandler {
  /**
   * The flags follow the open request's first extras field, which is reserved (kv_engine,
   * docs/dcp/documentation/commands/open-connection.md).
   */
  private static final int OPEN_FLAGS_OFFSET = MessageUtil.HEADER_SIZE + Integer.BYTES;

  private final String node;
  private final String bucket;
  private final String user;
  private final NodeConnections connections;
  private boolean connectCalled;
  private boolean tcpConnected;
  private boolean established;

  HandshakeHandler(String node, String bucket, String user, NodeConnections connections) {
    this.node = node;
    this.bucket = bucket;
    this.user = user;
    this.connections = connections;
  }

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    connections.connecting(node);
    context.channel().closeFuture().addListener(future -> closed());
  }

  private void closed() {
    if (!connectCalled) {
      connections.failed(
          node,
          new ConnectionFailure(
              Reason.UNREACHABLE,
              "The host name of Couchbase node " + node + " can't be resolved."));
    } else if (tcpConnected) {
      connections.closed(node, established);
    }
  }

  @Override
  public void connect(
      ChannelHandlerContext context,
      SocketAddress remote,
      SocketAddress local,
      ChannelPromise promise) {
    connectCalled = true;
    promise.addListener(
        future -> {
          tcpConnected = future.isSuccess();
          if (!tcpConnected) {
            connections.failed(
                node,
                new ConnectionFailure(
                    Reason.UNREACHABLE,
                    "Couchbase node " + node + " can't be reached: " + future.cause().getMessage(),
                    future.cause()));
          }
        });
    context.connect(remote, local, promise);
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof SslHandshakeCompletionEvent handshake && !handshake.isSuccess()) {
      connections.failed(
          node,
          new ConnectionFailure(
              Reason.TLS,
              "TLS handshake with Couchbase node "
                  + node
                  + " failed: "
                  + handshake.cause().getMessage(),
              handshake.cause()));
    }
    context.fireUserEventTriggered(event);
  }

  @Override
  public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
    ByteBuf request = (ByteBuf) message;
    if (MessageUtil.getOpcode(request) == OPEN_CONNECTION_OPCODE) {
      int flags = request.getInt(OPEN_FLAGS_OFFSET);
      request.setInt(OPEN_FLAGS_OFFSET, flags | OpenConnectionFlag.INCLUDE_DELETE_TIMES.value());
    }
    context.write(message, promise);
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf frame = (ByteBuf) message;
    boolean refused = false;
    if (frame.getByte(0) == MessageUtil.MAGIC_RES) {
      byte opcode = frame.getByte(1);
      ResponseStatus status = MessageUtil.getResponseStatus(frame);
      if (status.isSuccess()) {
        if (opcode == OPEN_CONNECTION_OPCODE) {
          established = true;
          connections.established(node);
          context.pipeline().remove(this);
        }
      } else {
        refused = refused(opcode, status);
      }
    }
    context.fireChannelRead(message);
    if (refused) {
      // The client leaves a connection whose authentication failed open until its handshake times
      // out.
      context.close();
    }
  }

  /** Returns whether this refusal ends the handshake. */
  private boolean refused(byte opcode, ResponseStatus status) {
    ConnectionFailure failure =
        switch (opcode) {
          case SASL_AUTH_OPCODE, SASL_STEP_OPCODE -> authenticationRefused(status);
          case SELECT_BUCKET_OPCODE -> bucketRefused(status);
          case OPEN_CONNECTION_OPCODE -> openRefused(status);
          case VERSION_OPCODE, HELLO_OPCODE, SASL_LIST_MECHS_OPCODE -> other(status);
          default -> null;
        };
    if (failure != null) {
      connections.failed(node, failure);
    }
    return failure != null;
  }

  private @Nullable ConnectionFailure authenticationRefused(ResponseStatus status) {
    if (status.equals(ResponseStatus.AUTH_CONTINUE)) {
      return null;
    }
    if (!status.equals(ResponseStatus.AUTH_ERROR)) {
      return other(status);
    }
    return new ConnectionFailure(
        Reason.BAD_CREDENTIALS,
        "Couchbase node "
            + node
            + " refused user '"
            + user
            + "': there is no such user, or the password is wrong.");
  }

  private ConnectionFailure bucketRefused(ResponseStatus status) {
    if (status.equals(ResponseStatus.KEY_NOT_FOUND)) {
      return new ConnectionFailure(
          Reason.NO_SUCH_BUCKET,
          "Bucket '" + bucket + "' doesn't exist on Couchbase node " + node + ".");
    }
    if (status.equals(ResponseStatus.NO_ACCESS)) {
      return new ConnectionFailure(
          Reason.NO_ACCESS,
          "User '"
              + user
              + "' may not read bucket '"
              + bucket
              + "' on Couchbase node "
              + node
              + ", or there is no such bucket.");
    }
    return other(status);
  }

  private ConnectionFailure openRefused(ResponseStatus status) {
    if (status.equals(ResponseStatus.NO_ACCESS)) {
      return new ConnectionFailure(
          Reason.NO_ACCESS,
          "User '"
              + user
              + "' may not stream bucket '"
              + bucket
              + "' from Couchbase node "
              + node
              + ": it needs the role 'Data DCP Reader'.");
    }
    return other(status);
  }

  private ConnectionFailure other(ResponseStatus status) {
    return new ConnectionFailure(
        Reason.OTHER, "Couchbase node " + node + " answered " + status + " during the handshake.");
  }
}
