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
 * When a stop must be over, whatever hangs. What does not stop in its share of the time is given up
 * and logged: it goes on in a daemon thread, which the end of the process ends. Immutable; safe for
 * use by several threads.
 */
public final class StopDeadline {
  /** What a whole stop may take: less than the 25 s within which a worker promises to end. */
  public static final Duration STOP_TIME = Duration.ofSeconds(22);

  private static final Logger LOG = LoggerFactory.getLogger(StopDeadline.class);

  private final long end;

  /**
   * @param time until the deadline, from now
   */
  public StopDeadline(Duration time) {
    this.end = System.nanoTime() + time.toNanos();
  }

  /**
   * Waits for something until it is done, its share of the time is over, or the deadline has come.
   *
   * @param what is waited for, for the log
   * @param share of the time that it may take
   * @return whether it was done without an error
   */
  boolean await(String what, Duration share, CompletableFuture<?> done) {
    long left = Math.max(0, Math.min(share.toNanos(), end - System.nanoTime()));
    try {
      done.get(left, TimeUnit.NANOSECONDS);
      return true;
    } catch (TimeoutException e) {
      LOG.warn(
          "{} did not stop within {} ms, and is given up",
          what,
          TimeUnit.NANOSECONDS.toMillis(left));
    } catch (ExecutionException e) {
      LOG.warn("{} did not stop in order", what, e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      LOG.warn("{} was not waited for, as the stop was interrupted", what);
    }
    return false;
  }

  /**
   * Closes something on a thread of its own, and {@link #await waits} for that.
   *
   * @param what is closed, for the log
   * @param share of the time that it may take
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
