// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.caravan.sandbox.kv.auth.Account;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * The one page of the cluster manager that the Java SDK reads before it writes: {@code
 * waitUntilReady} checks whether the nodes of a bucket are healthy. All other paths are 404.
 * Confined to the connection's event loop.
 */
final class ManagementHandler extends SimpleChannelInboundHandler<HttpRequest> {
  private static final String BUCKETS = "/pools/default/buckets/";
  private static final String BASIC = "Basic ";

  private final NodeService node;

  ManagementHandler(NodeService node) {
    this.node = node;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, HttpRequest request) {
    String path = new QueryStringDecoder(request.uri()).path();
    String name = path.startsWith(BUCKETS) ? path.substring(BUCKETS.length()) : "";
    Account account = account(request.headers().get(HttpHeaderNames.AUTHORIZATION));
    if (account == null) {
      answer(context, HttpResponseStatus.UNAUTHORIZED, "");
    } else if (node.findBucket(name) == null || !account.covers(name)) {
      answer(context, HttpResponseStatus.NOT_FOUND, "Requested resource not found.\r\n");
    } else {
      answer(context, HttpResponseStatus.OK, describe(context.channel(), name));
    }
  }

  private @Nullable Account account(@Nullable String authorization) {
    if (authorization == null || !authorization.startsWith(BASIC)) {
      return null;
    }
    try {
      byte[] decoded = Base64.getDecoder().decode(authorization.substring(BASIC.length()));
      String[] parts = new String(decoded, StandardCharsets.UTF_8).split(":", 2);
      Account account = node.accounts().find(parts[0]);
      return account != null && parts.length == 2 && account.hasPassword(parts[1]) ? account : null;
    } catch (IllegalArgumentException notBase64) {
      return null;
    }
  }

  private static String describe(Channel channel, String bucket) {
    InetSocketAddress local = (InetSocketAddress) channel.localAddress();
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("name", bucket).put("bucketType", "membase");
    root.putArray("nodes")
        .addObject()
        .put("hostname", local.getAddress().getHostAddress() + ":" + local.getPort())
        .put("status", "healthy");
    return root.toString();
  }

  private static void answer(
      ChannelHandlerContext context, HttpResponseStatus status, String body) {
    FullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1,
            status,
            Unpooled.wrappedBuffer(body.getBytes(StandardCharsets.UTF_8)));
    response
        .headers()
        .set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON)
        .set(HttpHeaderNames.CONTENT_LENGTH, response.content().readableBytes());
    if (status.equals(HttpResponseStatus.UNAUTHORIZED)) {
      response.headers().set(HttpHeaderNames.WWW_AUTHENTICATE, "Basic realm=\"Couchbase\"");
    }
    context.writeAndFlush(response, context.voidPromise());
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    context.close();
  }
}
