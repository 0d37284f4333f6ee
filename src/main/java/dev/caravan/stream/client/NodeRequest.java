// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.channel.ChannelPipeline;
import com.couchbase.client.dcp.buffer.DcpOps.BadResponseStatusException;
import com.couchbase.client.dcp.core.state.NotConnectedException;
import com.couchbase.client.dcp.transport.netty.DcpMessageHandler;
import com.couchbase.client.dcp.transport.netty.DcpResponse;
import java.nio.channels.NotYetConnectedException;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** Sends requests of our own over a connection of the client. */
final class NodeRequest {
  private NodeRequest() {}

  /**
   * Sends a request. Safe for use by several threads.
   *
   * @param request owned by this method
   * @param parse reads a successful response, and neither keeps nor releases it
   * @return fails if the node doesn't answer or refuses; with a {@link NotYetConnectedException} if
   *     the connection is not open
   */
  static <T> CompletableFuture<T> send(
      ChannelPipeline pipeline, ByteBuf request, Function<ByteBuf, T> parse) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    DcpMessageHandler handler = pipeline.get(DcpMessageHandler.class);
    if (handler == null) {
      request.release();
      answer.completeExceptionally(new NotYetConnectedException());
      return answer;
    }
    handler
        .sendRequest(request)
        .addListener(
            future -> {
              if (future.isSuccess()) {
                complete(answer, (DcpResponse) future.getNow(), parse);
              } else if (future.cause() instanceof NotConnectedException) {
                answer.completeExceptionally(new NotYetConnectedException());
              } else {
                answer.completeExceptionally(future.cause());
              }
            });
    return answer;
  }

  private static <T> void complete(
      CompletableFuture<T> answer, DcpResponse response, Function<ByteBuf, T> parse) {
    try {
      if (response.status().isSuccess()) {
        answer.complete(parse.apply(response.buffer()));
      } else {
        answer.completeExceptionally(new BadResponseStatusException(response.status()));
      }
    } catch (RuntimeException e) {
      answer.completeExceptionally(e);
    } finally {
      response.buffer().release();
    }
  }
}
