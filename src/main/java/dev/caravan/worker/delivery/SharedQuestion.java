// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static java.util.Objects.requireNonNull;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A question whose answer many callers share. Each gets an answer to a question that was asked
 * after its call, and at most one is asked at a time: hundreds of tasks that start together cost
 * Kafka two questions. Safe for use by several threads.
 */
final class SharedQuestion<T> {
  private final Supplier<CompletableFuture<T>> question;
  private @Nullable CompletableFuture<T> asked;
  private @Nullable CompletableFuture<T> next;

  /**
   * @param question asks, and returns at once
   */
  SharedQuestion(Supplier<CompletableFuture<T>> question) {
    this.question = question;
  }

  /** The answer to a question that is asked from now on. */
  synchronized CompletableFuture<T> ask() {
    CompletableFuture<T> current = asked;
    CompletableFuture<T> following = next;
    if (following == null && (current == null || current.isDone())) {
      asked = question.get();
      return asked.copy();
    }
    if (following == null) {
      following =
          requireNonNull(current).handle((answer, failure) -> null).thenCompose(none -> askNext());
      next = following;
    }
    return following.copy();
  }

  private synchronized CompletableFuture<T> askNext() {
    next = null;
    CompletableFuture<T> answer = question.get();
    asked = answer;
    return answer;
  }
}
