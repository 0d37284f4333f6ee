// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.channel.ChannelHandlerContext;
import com.couchbase.client.core.deps.io.netty.channel.ChannelInboundHandlerAdapter;
import com.couchbase.client.dcp.message.MessageUtil;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks into the first cluster map that goes by, which the client keeps to itself, for whether the
 * bucket is ephemeral; then removes itself from the pipeline. It neither keeps nor releases a
 * buffer. Runs on the connection's event loop only.
 */
final class BucketTypeHandler extends ChannelInboundHandlerAdapter {
  private static final Logger LOG = LoggerFactory.getLogger(BucketTypeHandler.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Runnable onEphemeral;

  /**
   * @param onEphemeral called if the bucket is ephemeral, before the client sees the map
   */
  BucketTypeHandler(Runnable onEphemeral) {
    this.onEphemeral = onEphemeral;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf frame = (ByteBuf) message;
    boolean map =
        frame.getByte(0) == MessageUtil.MAGIC_RES
            && frame.getByte(1) == MessageUtil.GET_CLUSTER_CONFIG_OPCODE;
    if (map && MessageUtil.getResponseStatus(frame).isSuccess()) {
      context.pipeline().remove(this);
      if (isEphemeral(MessageUtil.getContentAsByteArray(frame))) {
        onEphemeral.run();
      }
    }
    context.fireChannelRead(message);
  }

  /**
   * Servers from 7.1 on name the type; before, only a bucket that is kept on disk has the
   * capability for views.
   */
  static boolean isEphemeral(byte[] clusterMap) {
    try {
      JsonNode map = JSON.readTree(clusterMap);
      if (map.path("bucketType").isTextual()) {
        return map.path("bucketType").textValue().equals("ephemeral");
      }
      for (JsonNode capability : map.path("bucketCapabilities")) {
        if (capability.asText().equals("couchapi")) {
          return false;
        }
      }
      return map.path("bucketCapabilities").isArray();
    } catch (IOException e) {
      LOG.debug("A cluster map can't be read", e);
      return false;
    }
  }
}
