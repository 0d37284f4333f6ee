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
 * The end of the route of one call of the API: asks the worker, and goes on with the exchange when
 * the worker has answered. No thread waits meanwhile. The exchange begins and goes on on the event
 * loop of its connection.
 *
 * <p>An answer that does not come in time is an error; so is one that nobody waits for, since the
 * client has gone. In both cases the worker hears that the call is unwanted.
 */
final class ApiCall extends AsyncProcessorSupport {
  /** How long a call waits for its answer. */
  static final Duration TIMEOUT = Duration.ofSeconds(60);

  private final WorkerCall call;
  private final Duration timeout;

  /** A call of the API. */
  interface WorkerCall {
    /**
     * Asks the worker.
     *
     * @param unwanted completes when nobody waits for the answer any more
     */
    Reply<?> ask(Exchange exchange, CompletableFuture<Void> unwanted);
  }

  /**
   * What the worker says, some time.
   *
   * @param toAnswer makes HTTP of it, on the event loop
   */
  record Reply<T>(CompletableFuture<T> value, Function<T, JsonResponse> toAnswer) {}

  ApiCall(WorkerCall call, Duration timeout) {
    this.call = call;
    this.timeout = timeout;
  }

  @Override
  public boolean process(Exchange exchange, AsyncCallback callback) {
    CompletableFuture<Void> unwanted = new CompletableFuture<>();
    try {
      answer(call.ask(exchange, unwanted), exchange, unwanted, callback);
      return false;
    } catch (RuntimeException e) {
      exchange.setException(e);
      callback.done(true);
      return true;
    }
  }

  private <T> void answer(
      Reply<T> reply, Exchange exchange, CompletableFuture<Void> unwanted, AsyncCallback callback) {
    RoutingContext request = ApiConsumer.requestOf(exchange);
    Context loop = request.vertx().getOrCreateContext();
    Executor onLoop = task -> loop.runOnContext(none -> task.run());
    CompletableFuture<T> answered = new CompletableFuture<>();
    WriteLimit.Permit write = WriteLimit.of(request);
    write.hold();
    reply.value().whenComplete((value, failure) -> write.release());
    request.addEndHandler(ended -> unwanted.complete(null));
    long timer =
        request
            .vertx()
            .setTimer(
                timeout.toMillis(),
                id -> {
                  unwanted.complete(null);
                  // Second, as a change that waits in a queue fails at once.
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
      reply.toAnswer().apply(value).to(exchange);
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
