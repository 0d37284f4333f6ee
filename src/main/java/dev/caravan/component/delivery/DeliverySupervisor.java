// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import dev.caravan.stream.settings.StreamSettings;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the consumer's delivery loops, one after the other. After a failure that may be temporary,
 * it starts another loop. The pause before that grows with each failure. A new loop has no state of
 * the one before: it continues from the saved offsets.
 *
 * <p>Invariant: a loop begins only when no exchange of an earlier one is in the route. So no change
 * is published after a newer one of its document was read again, no late record gets into a newer
 * transaction, and no late acknowledgement counts for a newer loop.
 *
 * <p>Thread-safe, except that {@link #run} is for the one thread.
 */
public final class DeliverySupervisor implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(DeliverySupervisor.class);
  private static final Duration END_TIMEOUT = Duration.ofSeconds(5);

  /** How often to check whether the exchanges of the last loop have left the route. */
  private static final Duration EMPTY_POLL = Duration.ofMillis(100);

  /**
   * How long the loop after a failed transaction waits for an empty route. Closing the transaction
   * fails every record in transit. An exchange that is still in the route after that never ends,
   * and the route has to be started again.
   */
  private static final Duration EMPTY_TIMEOUT = Duration.ofMinutes(1);

  /** Makes loops that start from the saved offsets. */
  public interface Loops {
    /**
     * Makes the next loop.
     *
     * @param redelivered the changes that the loop before could not deliver; null if it failed
     *     otherwise
     */
    DeliveryLoop next(@Nullable FailedChanges redelivered);
  }

  private final Loops loops;
  private final Function<Throwable, Recovery> recovery;
  private final Duration minPause;
  private final Duration maxPause;
  private final Duration drainTimeout;
  private final Runnable onFinished;
  private final CountDownLatch ended = new CountDownLatch(1);
  private @Nullable Thread thread;
  private @Nullable DeliveryLoop awaited;
  private DeliveryLoop loop;
  private long loopBegunNanos = System.nanoTime();
  private boolean stopping;
  private long stoppingSinceNanos;
  private boolean suspended;
  private @Nullable Throwable lastFailure;
  private @Nullable Throwable gaveUp;
  private long earlierDocuments;
  private int earlierRollbacks;

  /**
   * @param predecessor the last loop before the consumer was stopped and started again
   * @param recovery returns the action after a failure
   * @param settings has the pauses before another loop
   * @param onFinished called on the consumer's thread after a loop has read everything up to {@code
   *     streamTo}; the supervisor has ended by then
   */
  public DeliverySupervisor(
      Loops loops,
      @Nullable DeliveryLoop predecessor,
      Function<Throwable, Recovery> recovery,
      StreamSettings settings,
      Duration drainTimeout,
      Runnable onFinished) {
    this.loops = loops;
    this.recovery = recovery;
    this.minPause = settings.retryBackoff();
    this.maxPause = settings.maxRetryBackoff();
    this.drainTimeout = drainTimeout;
    this.onFinished = onFinished;
    this.awaited = predecessor;
    this.loop = loops.next(null);
  }

  @Override
  public void run() {
    try {
      Duration pause = minPause;
      DeliveryLoop current = begin();
      while (current != null) {
        current.run();
        pause = hasProgress(current) ? minPause : pause;
        current = another(current, pause);
        pause = longer(pause);
      }
    } catch (InterruptedException e) {
      LOG.debug("Delivery interrupted");
    } catch (RuntimeException | Error e) {
      LOG.error("The consumer's thread has ended", e);
      giveUp(e);
    } finally {
      ended.countDown();
    }
    if (isFinished()) {
      onFinished.run();
    }
  }

  private synchronized void giveUp(Throwable failure) {
    gaveUp = failure;
  }

  /** Whether the consumer's work is done, for good. */
  public synchronized boolean isFinished() {
    return loop.isFinished();
  }

  /** The loop that was the last to begin exchanges, or is to begin them. */
  public synchronized DeliveryLoop lastLoop() {
    return awaited == null ? loop : awaited;
  }

  private synchronized @Nullable DeliveryLoop begin() throws InterruptedException {
    thread = Thread.currentThread();
    awaitEmptyRoute(Long.MAX_VALUE);
    loopBegunNanos = System.nanoTime();
    return stopping ? null : loop;
  }

  /** Waits until no exchange of an earlier loop is in the route, or until the timeout. */
  private synchronized void awaitEmptyRoute(long timeoutNanos) throws InterruptedException {
    long begin = System.nanoTime();
    while (!stopping && awaited != null && System.nanoTime() - begin < timeoutNanos) {
      if (awaited.isEmpty()) {
        awaited = null;
      } else {
        TimeUnit.NANOSECONDS.timedWait(this, EMPTY_POLL.toNanos());
      }
    }
  }

  /** Whether a loop got further than the one before, so that its failure is a new one. */
  private static boolean hasProgress(DeliveryLoop finished) {
    return finished.status().documents() > 0 && !finished.hasToRedeliver();
  }

  private Duration longer(Duration pause) {
    Duration doubled = pause.multipliedBy(2);
    return doubled.compareTo(maxPause) < 0 ? doubled : maxPause;
  }

  /** Returns the loop to run next, after the pause; null if that was the last one. */
  private synchronized @Nullable DeliveryLoop another(DeliveryLoop finished, Duration pause)
      throws InterruptedException {
    Throwable failure = finished.failure();
    if (failure == null || stopping) {
      return null;
    }
    Recovery next = recovery.apply(failure);
    if (next == Recovery.NONE) {
      return null;
    }
    LOG.warn(
        "What was not {} will be read again in {} ms: {}",
        next == Recovery.NEW_TRANSACTION ? "committed is discarded and" : "delivered",
        pause.toMillis(),
        failure.toString());
    long deadline = System.nanoTime() + pause.toNanos();
    for (long left = pause.toNanos(); left > 0 && !stopping; left = deadline - System.nanoTime()) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    awaited = finished;
    awaitEmptyRoute(next == Recovery.NEW_TRANSACTION ? EMPTY_TIMEOUT.toNanos() : Long.MAX_VALUE);
    if (stopping) {
      return null;
    }
    if (awaited != null) {
      gaveUp =
          new IllegalStateException(
              "The route still has "
                  + finished.status().inFlight()
                  + " exchanges "
                  + EMPTY_TIMEOUT.toSeconds()
                  + " s after their transaction was aborted. Start the route again.",
              failure);
      return null;
    }
    ConsumerStatus status = finished.status();
    earlierDocuments += status.documents();
    earlierRollbacks += status.rollbacks();
    lastFailure = failure;
    loop = loops.next(next == Recovery.REDELIVERY ? finished.failedChanges() : null);
    loopBegunNanos = System.nanoTime();
    if (suspended) {
      loop.suspend();
    }
    return loop;
  }

  /** Stops the loop, after which none follows. Returns at once. */
  public synchronized void stop() {
    if (!stopping) {
      stopping = true;
      stoppingSinceNanos = System.nanoTime();
    }
    loop.stop();
    notifyAll();
  }

  /**
   * Waits after {@link #stop} until all exchanges have left the route and are committed, at most
   * for the rest of the drain timeout. The timeout counts from the stop: consumers that stop at the
   * same time share it, although one after the other is waited for.
   *
   * @return whether all of them have
   */
  public boolean awaitDrained() throws InterruptedException {
    return ended.await(nanosToDrain(), TimeUnit.NANOSECONDS) && lastLoop().isEmpty();
  }

  private synchronized long nanosToDrain() {
    return drainTimeout.toNanos() - (System.nanoTime() - stoppingSinceNanos);
  }

  /**
   * Waits for the end after {@link #stop}.
   *
   * @return whether it has ended; if not, it won't save offsets any more
   */
  public boolean awaitEnd() throws InterruptedException {
    if (ended.await(Math.max(0, nanosToDrain()) + END_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS)) {
      return true;
    }
    synchronized (this) {
      loop.abandon();
      if (thread != null) {
        thread.interrupt();
      }
    }
    return ended.await(END_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
  }

  public synchronized void suspend() {
    suspended = true;
    loop.suspend();
  }

  public synchronized void resume() {
    suspended = false;
    loop.resume();
  }

  public synchronized ConsumerStatus status() {
    ConsumerStatus now = loop.status();
    Phase phase = now.phase();
    Throwable error = now.error();
    if (gaveUp != null) {
      return new ConsumerStatus(
          Phase.FAILED,
          gaveUp,
          0,
          now.vbuckets(),
          earlierDocuments + now.documents(),
          now.inFlight(),
          earlierRollbacks + now.rollbacks());
    }
    if (phase == Phase.FAILED && error != null && recovery.apply(error) != Recovery.NONE) {
      phase = Phase.CONNECTING;
    } else if (phase == Phase.CONNECTING && error == null) {
      error = lastFailure;
    } else if (phase == Phase.STREAMING && mayFailAgain(now)) {
      phase = Phase.DEGRADED;
      error = lastFailure;
    }
    int inFlight = now.inFlight();
    if (awaited != null && !awaited.isEmpty()) {
      inFlight = awaited.status().inFlight();
      phase = Phase.CONNECTING;
      if (error == null) {
        error =
            new IllegalStateException(
                "Waiting for "
                    + inFlight
                    + " earlier exchanges, which are still in the route: their changes must not"
                    + " be published after newer ones.");
      }
    }
    return new ConsumerStatus(
        phase,
        error,
        now.openStreams(),
        now.vbuckets(),
        earlierDocuments + now.documents(),
        inFlight,
        earlierRollbacks + now.rollbacks());
  }

  /**
   * Whether what has failed before is still to come. If nothing comes although all is streaming,
   * Couchbase has lost it.
   */
  private boolean mayFailAgain(ConsumerStatus now) {
    boolean isQuiet =
        now.inFlight() == 0 && System.nanoTime() - loopBegunNanos > maxPause.toNanos();
    return loop.hasToRedeliver() && !isQuiet;
  }
}
