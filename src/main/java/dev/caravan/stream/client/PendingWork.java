// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Ends what a session waits for when the session ends. The client repeats most requests every 200
 * ms until they succeed, even after it was disconnected. Thread-safe.
 */
public final class PendingWork {
  private static final Logger LOG = LoggerFactory.getLogger(PendingWork.class);

  /** Where Reactor looks for what to do with an error that comes after the end. */
  private static final String LATE_ERRORS = "reactor.onErrorDropped.local";

  private final Sinks.Empty<Void> end = Sinks.empty();

  /**
   * Bounds a piece of work.
   *
   * @return fails with a {@link CancellationException} as soon as {@link #cancel} is called, and
   *     cancels the work
   */
  public <T> Mono<T> bound(Mono<T> work) {
    // Not takeUntilOther, which goes on with the work when the other one fails (reactor-core
    // 3.6.9).
    return Mono.firstWithSignal(end.asMono().then(Mono.<T>empty()), work)
        .contextWrite(
            context -> context.put(LATE_ERRORS, (Consumer<Throwable>) PendingWork::ignoreLate));
  }

  private static void ignoreLate(Throwable error) {
    LOG.debug("Failed after it was cancelled", error);
  }

  /** Cancels all work. What comes later is not begun. Idempotent. */
  public void cancel() {
    end.tryEmitError(new CancellationException("The session is over."));
  }
}
