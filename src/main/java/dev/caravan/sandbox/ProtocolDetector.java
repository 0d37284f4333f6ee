// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.http.HttpServerCodec;
import java.util.List;

/**
 * Looks at the first byte of a connection, puts the handlers of its protocol in place, and leaves.
 *
 * <p>The node has one port for all it speaks. A frame of the KV protocol starts with a magic byte,
 * an HTTP GET with a letter that is none.
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
