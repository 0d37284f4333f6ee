// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.stream.StreamSettings;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a consumer's thread does: runs a lane, and after a failure of its transaction another one,
 * with growing pauses. A new lane knows nothing of the one before: saved offsets alone tell where
 * it goes on.
 *
 * <p>Thread-safe, except that {@link #run} is for the one thread.
 */
final class LaneRunner implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(LaneRunner.class);
  private static final Duration END_TIMEOUT = Duration.ofSeconds(5);

  private final Supplier<Lane> lanes;
  private final Predicate<Throwable> mayRunAgain;
  private final Duration minPause;
  private final Duration maxPause;
  private final Duration drainTimeout;
  private final Runnable onFinished;
  private final CountDownLatch ended = new CountDownLatch(1);
  private @Nullable Thread thread;
  private Lane lane;
  private boolean stopping;
  private boolean suspended;
  private @Nullable Throwable lastFailure;
  private long earlierDocuments;
  private int earlierRollbacks;

  /**
   * @param lanes makes a lane that starts from the saved offsets
   * @param mayRunAgain whether another lane may succeed after this failure
   * @param settings tells how long to wait before another lane
   * @param onFinished called on the runner's thread when a lane has read all that it was to read;
   *     by then the runner has ended
   */
  LaneRunner(
      Supplier<Lane> lanes,
      Predicate<Throwable> mayRunAgain,
      StreamSettings settings,
      Duration drainTimeout,
      Runnable onFinished) {
    this.lanes = lanes;
    this.mayRunAgain = mayRunAgain;
    this.minPause = settings.retryBackoff();
    this.maxPause = settings.maxRetryBackoff();
    this.drainTimeout = drainTimeout;
    this.onFinished = onFinished;
    this.lane = lanes.get();
  }

  @Override
  public void run() {
    try {
      Duration pause = minPause;
      Lane current = begin();
      while (current != null) {
        current.run();
        pause = current.status().documents() > 0 ? minPause : longer(pause);
        current = another(current, pause);
      }
    } catch (InterruptedException e) {
      LOG.debug("Lane interrupted");
    } finally {
      ended.countDown();
    }
    if (isFinished()) {
      onFinished.run();
    }
  }

  /** Whether the consumer's work is done, for good. */
  synchronized boolean isFinished() {
    return lane.isFinished();
  }

  private synchronized Lane begin() {
    thread = Thread.currentThread();
    return lane;
  }

  private Duration longer(Duration pause) {
    Duration doubled = pause.multipliedBy(2);
    return doubled.compareTo(maxPause) < 0 ? doubled : maxPause;
  }

  /** Returns the lane to run next, after the pause; null if that was the last one. */
  private synchronized @Nullable Lane another(Lane finished, Duration pause)
      throws InterruptedException {
    Throwable failure = finished.failure();
    if (failure == null || !mayRunAgain.test(failure)) {
      return null;
    }
    LOG.warn(
        "What was not committed is discarded and will be read again in {} ms: {}",
        pause.toMillis(),
        failure.toString());
    long deadline = System.nanoTime() + pause.toNanos();
    for (long left = pause.toNanos(); left > 0 && !stopping; left = deadline - System.nanoTime()) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    if (stopping) {
      return null;
    }
    ConsumerStatus status = finished.status();
    earlierDocuments += status.documents();
    earlierRollbacks += status.rollbacks();
    lastFailure = failure;
    lane = lanes.get();
    if (suspended) {
      lane.suspend();
    }
    return lane;
  }

  /** Tells the lane to end, and that it was the last one. Returns at once. */
  synchronized void stop() {
    stopping = true;
    lane.stop();
    notifyAll();
  }

  /**
   * Waits for the end after {@link #stop}.
   *
   * @return whether it has ended; if not, it won't save offsets any more
   */
  boolean awaitEnd() throws InterruptedException {
    if (ended.await(drainTimeout.plus(END_TIMEOUT).toMillis(), TimeUnit.MILLISECONDS)) {
      return true;
    }
    synchronized (this) {
      lane.abandon();
      if (thread != null) {
        thread.interrupt();
      }
    }
    return ended.await(END_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
  }

  synchronized void suspend() {
    suspended = true;
    lane.suspend();
  }

  synchronized void resume() {
    suspended = false;
    lane.resume();
  }

  synchronized ConsumerStatus status() {
    ConsumerStatus now = lane.status();
    Phase phase = now.phase();
    Throwable error = now.error();
    if (phase == Phase.FAILED && error != null && mayRunAgain.test(error)) {
      phase = Phase.CONNECTING;
    }
    if (phase == Phase.CONNECTING && error == null) {
      error = lastFailure;
    }
    return new ConsumerStatus(
        phase,
        error,
        now.openStreams(),
        now.vbuckets(),
        earlierDocuments + now.documents(),
        now.inFlight(),
        earlierRollbacks + now.rollbacks());
  }
}
