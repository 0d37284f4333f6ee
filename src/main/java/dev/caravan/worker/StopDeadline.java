// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The deadline of a stop. A step that exceeds its share of the time is abandoned and logged. It
 * continues in a daemon thread until the process ends. Immutable and thread-safe.
 */
public final class StopDeadline {
  /** The time for a whole stop. A worker promises to end within 25 s. */
  public static final Duration STOP_TIME = Duration.ofSeconds(22);

  private static final Logger LOG = LoggerFactory.getLogger(StopDeadline.class);

  private final long end;

  /**
   * Creates a deadline.
   *
   * @param time the time until the deadline
   */
  public StopDeadline(Duration time) {
    this.end = System.nanoTime() + time.toNanos();
  }

  /**
   * Waits until something is done, its share of the time is over, or the deadline is reached.
   *
   * @param what the step, for the log
   * @param share the maximum time for this step
   * @return whether the step completed without an error
   */
  boolean await(String what, Duration share, CompletableFuture<?> done) {
    long left = Math.max(0, Math.min(share.toNanos(), end - System.nanoTime()));
    try {
      done.get(left, TimeUnit.NANOSECONDS);
      return true;
    } catch (TimeoutException e) {
      LOG.warn(
          "{} did not stop within {} ms and is abandoned.",
          what,
          TimeUnit.NANOSECONDS.toMillis(left));
    } catch (ExecutionException e) {
      LOG.warn("{} failed to stop.", what, e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      LOG.warn("{} is abandoned, because the stop was interrupted.", what);
    }
    return false;
  }

  /**
   * Closes something on a thread of its own, and {@linkplain #await waits} for it.
   *
   * @param what the step, for the log
   * @param share the maximum time for this step
   */
  public void close(String what, Duration share, Runnable close) {
    CompletableFuture<Void> closed = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                close.run();
                closed.complete(null);
              } catch (Throwable e) {
                closed.completeExceptionally(e);
              }
            },
            "stop-" + what.toLowerCase(java.util.Locale.ROOT).replace(' ', '-'));
    thread.setDaemon(true);
    thread.start();
    await(what, share, closed);
  }
}
