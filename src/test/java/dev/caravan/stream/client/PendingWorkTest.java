// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/** Work that would go on without end. */
class PendingWorkTest {
  private final PendingWork pending = new PendingWork();
  private final AtomicInteger tries = new AtomicInteger();
  private final AtomicBoolean cancelled = new AtomicBoolean();

  private Mono<Void> work() {
    return Mono.<Void>defer(
            () -> {
              tries.incrementAndGet();
              return Mono.error(new IllegalStateException("not yet"));
            })
        .retryWhen(Retry.fixedDelay(Long.MAX_VALUE, Duration.ofMillis(5)))
        .doOnCancel(() -> cancelled.set(true));
  }

  @Test
  void itEndsWithTheSession() {
    CompletableFuture<Void> future =
        Mono.when(List.of(work(), Mono.never())).transform(pending::bound).toFuture();
    await().until(() -> tries.get() > 2);

    pending.cancel();

    assertThat(future).isCompletedExceptionally();
    assertThat(future.handle((value, error) -> error).join())
        .isInstanceOf(CancellationException.class);
    assertThat(cancelled).isTrue();
    await().during(Duration.ofMillis(100)).until(triesStandStill());
  }

  private Callable<Boolean> triesStandStill() {
    AtomicInteger seen = new AtomicInteger();
    return () -> tries.get() == seen.getAndSet(tries.get());
  }

  @Test
  void whatComesAfterTheEndIsNotBegun() {
    pending.cancel();
    pending.cancel();

    CompletableFuture<Void> future = work().transform(pending::bound).toFuture();

    assertThat(future).isCompletedExceptionally();
    assertThat(tries).hasValue(0);
  }

  @Test
  void whatEndsByItselfIsLeftAlone() {
    assertThat(Mono.just(1).transform(pending::bound).toFuture().join()).isEqualTo(1);
    assertThat(Mono.empty().transform(pending::bound).toFuture().join()).isNull();
  }
}
