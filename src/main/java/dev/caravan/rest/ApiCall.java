// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import io.vertx.core.Context;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.support.AsyncProcessorSupport;
import org.jspecify.annotations.Nullable;

/**
 * The last step of the route of an API call. It calls the worker and continues the exchange when
 * the worker's future completes. No thread waits meanwhile. The exchange runs on the event loop of
 * its connection.
 *
 * <p>After a timeout the call fails. After a timeout, or if the client disconnects, the worker is
 * notified that the result is unwanted.
 */
final class ApiCall extends AsyncProcessorSupport {
  /** The maximum time for a call. */
  static final Duration TIMEOUT = Duration.ofSeconds(60);

  private final WorkerCall call;
  private final Duration timeout;

  /** Calls the worker for one API call. */
  interface WorkerCall {
    /**
     * Calls the worker. Does not block.
     *
     * @param unwanted completes after a timeout, or when the request has ended
     */
    Reply<?> ask(Exchange exchange, CompletableFuture<Void> unwanted);
  }

  /**
   * The result of a call.
   *
   * @param value completes with the worker's result, on any thread
   * @param toResponse converts the result to a response, on the event loop
   */
  record Reply<T>(CompletableFuture<T> value, Function<T, JsonResponse> toResponse) {}

  ApiCall(WorkerCall call, Duration timeout) {
    this.call = call;
    this.timeout = timeout;
  }

  @Override
  public boolean process(Exchange exchange, AsyncCallback callback) {
    CompletableFuture<Void> unwanted = new CompletableFuture<>();
    try {
      respond(call.ask(exchange, unwanted), exchange, unwanted, callback);
      return false;
    } catch (RuntimeException e) {
      exchange.setException(e);
      callback.done(true);
      return true;
    }
  }

  private <T> void respond(
      Reply<T> reply, Exchange exchange, CompletableFuture<Void> unwanted, AsyncCallback callback) {
    RoutingContext request = ApiConsumer.requestOf(exchange);
    Context loop = request.vertx().getOrCreateContext();
    Executor onLoop = task -> loop.runOnContext(none -> task.run());
    CompletableFuture<T> answered = new CompletableFuture<>();
    WriteLimit.Permit permit = WriteLimit.of(request);
    permit.hold();
    reply.value().whenComplete((value, failure) -> permit.release());
    request.addEndHandler(ended -> unwanted.complete(null));
    long timer =
        request
            .vertx()
            .setTimer(
                timeout.toMillis(),
                id -> {
                  unwanted.complete(null);
                  // After "unwanted", which fails a change that waits in a queue at once.
                  answered.completeExceptionally(new TimeoutException());
                });
    reply
        .value()
        .whenComplete(
            (value, failure) -> {
              if (failure == null) {
                answered.complete(value);
              } else {
                answered.completeExceptionally(failure);
              }
            });
    answered.whenCompleteAsync(
        (value, failure) -> {
          request.vertx().cancelTimer(timer);
          finish(reply, value, failure, exchange);
          callback.done(false);
        },
        onLoop);
  }

  private <T> void finish(Reply<T> reply, T value, @Nullable Throwable failure, Exchange exchange) {
    if (failure != null) {
      exchange.setException(failed(failure));
      return;
    }
    try {
      reply.toResponse().apply(value).to(exchange);
    } catch (RuntimeException e) {
      exchange.setException(e);
    }
  }

  private RestException timedOut() {
    return new RestException(
        500,
        "Request timed out. The worker had no answer within "
            + timeout.toSeconds()
            + " s; whether a change was made is not known: ask for the connector to find out");
  }

  private Throwable failed(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    if (cause instanceof TimeoutException) {
      return timedOut();
    }
    return cause instanceof CancellationException
        ? new RestException(
            503, "Request timed out. The change was not made, as Kafka did not answer; try again")
        : cause;
  }
}
