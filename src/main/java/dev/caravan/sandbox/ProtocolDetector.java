// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.codec.http.HttpServerCodec;
import java.util.List;

/**
 * Looks at the first byte of a connection, puts the handlers of its protocol in place, and leaves.
 *
 * <p>The node has one port for all it speaks. A frame of the KV protocol starts with a magic byte,
 * an HTTP GET with a letter that is none.
 */
final class ProtocolDetector extends ByteToMessageDecoder {
  private static final int MAX_FRAME_LENGTH = DocumentRequest.MAX_VALUE_LENGTH + (1 << 20);

  private final CouchbaseNode node;

  ProtocolDetector(CouchbaseNode node) {
    this.node = node;
  }

  @Override
  protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
    if (in.getByte(in.readerIndex()) == 'G') {
      context.pipeline().addLast(new HttpServerCodec(), new ManagementHandler(node));
    } else {
      context
          .pipeline()
          // The body length at offset 8 doesn't count the header of 24 bytes.
          .addLast(new LengthFieldBasedFrameDecoder(MAX_FRAME_LENGTH, 8, 4, 12, 0))
          .addLast(new KvConnection(node, context.channel()));
    }
    context.pipeline().remove(this);
  }
}
