// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import dev.caravan.sandbox.kv.commands.KvConnection;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.http.HttpServerCodec;
import java.util.List;

/**
 * Adds the handlers of a connection's protocol, which the first byte shows, and removes itself.
 *
 * <p>The node has one port for both protocols. A frame of the KV protocol starts with a magic byte,
 * an HTTP GET starts with a letter, which is not a magic byte.
 */
final class ProtocolDetector extends ByteToMessageDecoder {
  private final NodeService node;

  ProtocolDetector(NodeService node) {
    this.node = node;
  }

  @Override
  protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
    if (in.getByte(in.readerIndex()) == 'G') {
      context.pipeline().addLast(new HttpServerCodec(), new ManagementHandler(node));
    } else {
      KvConnection.addTo(context.pipeline(), node);
    }
    context.pipeline().remove(this);
  }
}
