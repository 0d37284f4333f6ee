// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.offset.TransactionalOffsetStore;
import dev.caravan.stream.BucketStatus;
import dev.caravan.stream.BucketStream;
import dev.caravan.stream.DcpEvent;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread of a consumer: it looks after the bucket streams and puts their changes into the
 * route, in the order in which they arrived. Exchanges may complete on other threads in any order;
 * a failed one stops the lane.
 *
 * <p>Memory: an exchange is only begun while fewer than {@code maxInFlight} documents and less than
 * {@code maxInFlightBytes} of them, inflated, are in the route (one exchange is always allowed).
 * What waits before that is bounded by the flow-control windows.
 *
 * <p>Thread-safe, except that {@link #run} is for the one thread.
 */
final class Lane implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(Lane.class);

  /** How many changes are taken from the inbox at once if batches are smaller. */
  private static final int TAKE = 256;

  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(2);

  /** What the lane needs of its consumer. */
  interface Route {
    /** Makes an exchange with the body or message set. */
    Exchange exchange(Message message);

    Exchange exchange(List<Message> messages);

    Message message(DcpEvent change);

    /**
     * Starts the exchange on its way; the callback comes on any thread, perhaps before this
     * returns.
     */
    void process(Exchange exchange, Runnable done);

    void release(Exchange exchange);

    /** Tells the user that the lane has failed; the exchange is null if none was at fault. */
    void failed(@Nullable Exchange exchange, Exception failure);
  }

  private final Route route;
  private final Inbox inbox;
  private final List<BucketStream> streams;
  private final int batchSize;
  private final InFlight inFlight;
  private final Commits commits;
  private final Duration drainTimeout;
  private final ArrayDeque<DcpEvent> taken = new ArrayDeque<>();
  private final LongAdder documents = new LongAdder();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final Object interruption = new Object();
  private @Nullable Thread interruptible;
  private volatile boolean stopping;
  private volatile boolean suspended;
  private volatile boolean abandoned;
  private volatile boolean finished;

  /**
   * @param streams makes the bucket streams that put their changes into the inbox
   * @param transactions commits what is delivered; null if delivering at least once is enough
   * @param idleInterval how often a transaction is committed although nothing was delivered
   * @param drainTimeout how long to wait for exchanges that are in the route when stopping
   */
  Lane(
      Route route,
      Function<Inbox, List<BucketStream>> streams,
      @Nullable TransactionalOffsetStore transactions,
      Duration idleInterval,
      int batchSize,
      int maxInFlight,
      long maxInFlightBytes,
      Duration drainTimeout) {
    this.route = route;
    this.inbox = new Inbox();
    this.streams = streams.apply(inbox);
    this.batchSize = batchSize;
    this.inFlight = new InFlight(maxInFlight, maxInFlightBytes);
    this.commits =
        transactions == null
            ? new TimedCommits(this.streams)
            : new TransactionCommits(
                transactions, this.streams, inFlight, () -> failure.get() != null, idleInterval);
    this.drainTimeout = drainTimeout;
  }

  @Override
  public void run() {
    try {
      interruptibly(commits::open);
      long deadline = System.nanoTime();
      while (isRunning()) {
        if (System.nanoTime() - deadline >= 0) {
          deadline = tend();
        }
        if (streams.stream().allMatch(BucketStream::isFinished)) {
          finished = true;
          break;
        }
        if (commits.nanosUntilDue() <= 0) {
          commits.commit();
          continue;
        }
        boolean mayDispatch = !suspended && inFlight.hasRoom();
        if (mayDispatch && dispatch()) {
          continue;
        }
        long now = System.nanoTime();
        long wait = Math.min(deadline - now, commits.nanosUntilDue());
        if (inbox.await(mayDispatch, now + wait)) {
          deadline = System.nanoTime();
        }
      }
    } catch (InterruptedException e) {
      LOG.debug("Lane interrupted");
    } catch (RuntimeException | Error e) {
      fail(e, null);
    } finally {
      end();
    }
  }

  private boolean isRunning() {
    return !stopping && failure.get() == null;
  }

  private long tend() {
    long deadline = Long.MAX_VALUE;
    long now = System.nanoTime();
    for (BucketStream stream : streams) {
      deadline = Math.min(deadline, stream.tend() - now);
    }
    return now + deadline;
  }

  /** Begins one exchange if a change is there. */
  private boolean dispatch() {
    if (taken.isEmpty()) {
      inbox.drainTo(taken, Math.max(TAKE, batchSize));
    }
    List<DcpEvent> changes = new ArrayList<>(Math.min(batchSize, taken.size()));
    long bytes = 0;
    while (changes.size() < batchSize && !taken.isEmpty() && bytes < inFlight.maxBytes()) {
      DcpEvent change = taken.poll();
      if (!change.isStale()) {
        changes.add(change);
        bytes += change.contentSize();
      }
    }
    if (changes.isEmpty()) {
      return !taken.isEmpty();
    }
    deliver(changes, bytes);
    return true;
  }

  private void deliver(List<DcpEvent> changes, long bytes) {
    Exchange exchange;
    if (batchSize == 1) {
      exchange = route.exchange(route.message(changes.get(0)));
    } else {
      List<Message> messages = new ArrayList<>(changes.size());
      for (DcpEvent change : changes) {
        messages.add(route.message(change));
      }
      exchange = route.exchange(messages);
    }
    inFlight.begin(changes.size(), bytes);
    count(changes, true);
    boolean processed =
        interruptibly(() -> route.process(exchange, () -> delivered(exchange, changes, bytes)));
    if (!processed) {
      leave(exchange, changes, bytes);
    }
  }

  /** Does something that {@link #stop} interrupts; returns false if it came before. */
  private boolean interruptibly(Runnable step) {
    synchronized (interruption) {
      if (stopping) {
        return false;
      }
      interruptible = Thread.currentThread();
    }
    try {
      step.run();
    } finally {
      synchronized (interruption) {
        interruptible = null;
        Thread.interrupted();
      }
    }
    return true;
  }

  private static void count(List<DcpEvent> changes, boolean dispatched) {
    int from = 0;
    for (int i = 1; i <= changes.size(); i++) {
      BucketStream stream = changes.get(from).stream();
      if (i == changes.size() || changes.get(i).stream() != stream) {
        if (dispatched) {
          stream.dispatched(i - from);
        } else {
          stream.completed(i - from);
        }
        from = i;
      }
    }
  }

  private void delivered(Exchange exchange, List<DcpEvent> changes, long bytes) {
    Exception cause = exchange.getException();
    if (cause == null && exchange.isRollbackOnly()) {
      cause = new IllegalStateException("The route marked the exchange as rollback only.");
    }
    if (cause == null) {
      documents.add(changes.size());
      DcpEvent.acknowledge(changes);
    } else if (stopping) {
      // Stopping interrupts a wait in the route. The changes will be read again.
      LOG.debug("Not delivered because of stopping: {}", cause.toString());
    } else {
      fail(new DeliveryException(changes, exchange.getMessage().getBody(), cause), exchange);
    }
    leave(exchange, changes, bytes);
  }

  private void leave(Exchange exchange, List<DcpEvent> changes, long bytes) {
    route.release(exchange);
    count(changes, false);
    if (inFlight.end(changes.size(), bytes)) {
      inbox.wakeUp();
    }
  }

  private void fail(Throwable cause, @Nullable Exchange exchange) {
    if (failure.compareAndSet(null, cause)) {
      inbox.wakeUp();
      route.failed(
          exchange, cause instanceof Exception exception ? exception : new RuntimeException(cause));
    }
  }

  private void end() {
    try {
      if (failure.get() != null) {
        commits.discard();
      }
      boolean drained = inFlight.awaitNone(drainTimeout);
      if (!drained) {
        LOG.warn(
            "{} exchanges are still in the route after {} ms; their changes will be read again.",
            inFlight.count(),
            drainTimeout.toMillis());
      }
      if (!abandoned) {
        commits.end(drained);
      }
    } catch (RuntimeException e) {
      LOG.warn("What was delivered last could not be committed: {}", e.toString());
      if (finished) {
        fail(e, null);
      }
    } finally {
      commits.discard();
      Futures.await(
          "disconnecting from Couchbase",
          CLOSE_TIMEOUT,
          streams.stream().<CompletableFuture<?>>map(BucketStream::close).toList());
    }
  }

  /**
   * Tells the lane to end: no exchange is begun any more, and a wait in the route is interrupted.
   * Returns at once.
   */
  void stop() {
    synchronized (interruption) {
      stopping = true;
      if (interruptible != null) {
        interruptible.interrupt();
      }
    }
    inbox.wakeUp();
  }

  /**
   * Gives up waiting for the end after {@link #stop}: no more offsets are saved, since somebody
   * else may be doing that soon.
   */
  void abandon() {
    abandoned = true;
  }

  /** Why the lane has failed; null if it hasn't. */
  @Nullable Throwable failure() {
    return failure.get();
  }

  /** Whether the lane has ended by itself, having read all that it was to read. */
  boolean isFinished() {
    return finished && failure.get() == null;
  }

  void suspend() {
    suspended = true;
  }

  void resume() {
    suspended = false;
    inbox.wakeUp();
  }

  ConsumerStatus status() {
    Throwable error = failure.get();
    Phase phase = error == null ? Phase.STREAMING : Phase.FAILED;
    int openStreams = 0;
    int vbuckets = 0;
    int rollbacks = 0;
    for (BucketStream stream : streams) {
      BucketStatus status = stream.status();
      openStreams += status.openStreams();
      vbuckets += status.vbuckets();
      rollbacks += status.rollbacks();
      if (phase != Phase.FAILED && !status.streaming()) {
        phase = Phase.CONNECTING;
      } else if (phase == Phase.STREAMING && status.error() != null) {
        phase = Phase.DEGRADED;
      }
      if (error == null) {
        error = status.error();
      }
    }
    if (isFinished()) {
      phase = Phase.FINISHED;
    }
    return new ConsumerStatus(
        phase, error, openStreams, vbuckets, documents.sum(), inFlight.count(), rollbacks);
  }
}
