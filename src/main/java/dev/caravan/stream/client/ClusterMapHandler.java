// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.channel.ChannelHandlerContext;
import com.couchbase.client.core.deps.io.netty.channel.ChannelInboundHandlerAdapter;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.ResponseStatus;
import java.util.function.Consumer;

/**
 * Reads the cluster maps that go by, before the client does, which keeps them to itself. A map
 * comes as the answer to a question, as a notification, or with the status NOT_MY_VBUCKET
 * (kv_engine, docs/BinaryProtocol.md). It neither keeps nor releases a buffer. Runs on the
 * connection's event loop only.
 */
final class ClusterMapHandler extends ChannelInboundHandlerAdapter {
  private final Consumer<String> onMap;

  /**
   * @param onMap called with each map, as JSON
   */
  ClusterMapHandler(Consumer<String> onMap) {
    this.onMap = onMap;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf frame = (ByteBuf) message;
    if (hasMap(frame)) {
      String map = MessageUtil.getContentAsString(frame);
      if (!map.isEmpty()) {
        onMap.accept(map);
      }
    }
    context.fireChannelRead(message);
  }

  private static boolean hasMap(ByteBuf frame) {
    byte opcode = frame.getByte(1);
    return switch (frame.getByte(0)) {
      case MessageUtil.MAGIC_SERVER_REQ ->
          opcode == MessageUtil.CLUSTERMAP_CHANGE_NOTIFICATION_OPCODE;
      case MessageUtil.MAGIC_RES -> {
        ResponseStatus status = MessageUtil.getResponseStatus(frame);
        yield status.equals(ResponseStatus.NOT_MY_VBUCKET)
            || (opcode == MessageUtil.GET_CLUSTER_CONFIG_OPCODE && status.isSuccess());
      }
      default -> false;
    };
  }
}
