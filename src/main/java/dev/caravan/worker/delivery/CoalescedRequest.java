// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A question whose answer many callers share. Each gets an answer to a question that was sent
 * after its call, and at most one is sent at a time: hundreds of tasks that start together cost
 * Kafka two questions. Safe for use by several threads.
 */
final class CoalescedRequest<T> {
  private final Supplier<CompletableFuture<T>> request;
  private @Nullable CompletableFuture<T> sent;
  private @Nullable CompletableFuture<T> next;

  /**
   * @param request asks, and returns at once
   */
  CoalescedRequest(Supplier<CompletableFuture<T>> request) {
    this.request = request;
  }

  /** The answer to a question that is sent from now on. */
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
