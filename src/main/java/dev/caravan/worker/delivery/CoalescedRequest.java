// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Combines concurrent requests for the same result. Each caller gets the result of a request that
 * is sent after its call, and at most one request is outstanding. So hundreds of tasks that start
 * together cause two requests to Kafka. Thread-safe.
 */
final class CoalescedRequest<T> {
  private final Supplier<CompletableFuture<T>> request;
  private @Nullable CompletableFuture<T> sent;
  private @Nullable CompletableFuture<T> next;

  /**
   * Creates a coalesced request.
   *
   * @param request sends the request; must not block
   */
  CoalescedRequest(Supplier<CompletableFuture<T>> request) {
    this.request = request;
  }

  /** Returns the result of a request that is sent after this call. */
  synchronized CompletableFuture<T> send() {
    CompletableFuture<T> current = sent;
    CompletableFuture<T> following = next;
    if (following == null && (current == null || current.isDone())) {
      sent = request.get();
      return sent.copy();
    }
    if (following == null) {
      following =
          requireNonNull(current).handle((answer, failure) -> null).thenCompose(none -> sendNext());
      next = following;
    }
    return following.copy();
  }

  private synchronized CompletableFuture<T> sendNext() {
    next = null;
    CompletableFuture<T> answer = request.get();
    sent = answer;
    return answer;
  }
}
