// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import dev.caravan.offset.TransactionalOffsetStore;
import dev.caravan.stream.BucketStatus;
import dev.caravan.stream.BucketStream;
import dev.caravan.stream.change.DcpEvent;
import dev.caravan.stream.flow.MemoryBudget;
import dev.caravan.stream.progress.CommitPoint;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one thread of a consumer: it looks after the bucket streams and puts their changes into the
 * route, in the order in which they arrived. Exchanges may complete on other threads in any order;
 * a failed one ends the loop.
 *
 * <p>Memory: an exchange is only begun while fewer than {@code maxInFlight} documents and less than
 * {@code maxInFlightBytes} of them, inflated, are in the route (one exchange is always allowed), or
 * less than the loop's share of {@link MemoryBudget#ROUTES} if that is smaller. What waits before
 * that is bounded by the flow-control windows.
 *
 * <p>Thread-safe, except that {@link #run} is for the one thread.
 */
public final class DeliveryLoop implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(DeliveryLoop.class);

  /** How many changes are taken from the inbox at once if batches are smaller. */
  private static final int TAKE = 256;

  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(2);

  /**
   * How long an exchange may go on after {@link #stop} before its thread is interrupted: one that
   * waits for a throttle, or for a broker that is slow, is delivered then, and what the loop has
   * delivered can be committed.
   */
  private static final Duration STOP_GRACE = Duration.ofSeconds(1);

  /** Longer than Kafka's client takes to give a record up. */
  private static final Duration IN_ROUTE_TIMEOUT = Duration.ofMinutes(1);

  /** The consumer, as the delivery loop sees it. */
  public interface Route {
    /** Makes an exchange with the body or message set. */
    Exchange exchange(Message message);

    Exchange exchange(List<Message> messages);

    Message message(DcpEvent change);

    /**
     * Starts the exchange on its way; the callback comes on any thread, perhaps before this
     * returns, and doesn't come if this throws.
     */
    void process(Exchange exchange, Runnable done);

    void release(Exchange exchange);

    /** Reports that the loop has failed. The exchange is null if no exchange failed. */
    void failed(@Nullable Exchange exchange, Exception failure);
  }

  private final Route route;
  private final Inbox inbox;
  private final List<BucketStream> streams;
  private final int batchSize;
  private final InFlight inFlight;
  private final Commits commits;
  private final Duration drainTimeout;
  private final @Nullable FailedChanges redelivered;
  private final ArrayDeque<DcpEvent> taken = new ArrayDeque<>();
  private final LongAdder documents = new LongAdder();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private final Object interruption = new Object();
  private boolean isHeldUp;
  private long heldUpSinceNanos;
  private @Nullable Thread waiting;
  private @Nullable Thread processing;
  private volatile @Nullable FailedChanges failedChanges;
  private volatile boolean stopping;
  private volatile boolean suspended;
  private volatile boolean abandoned;
  private volatile boolean finished;

  /**
   * @param streams makes the bucket streams that put their changes into the inbox
   * @param transactions commits what is delivered; null if delivering at least once is enough
   * @param idleInterval how often a transaction is committed although nothing was delivered
   * @param drainTimeout how long to wait for exchanges that are in the route when stopping
   * @param redelivered the changes that the loop before could not deliver; null if it failed
   *     otherwise
   */
  public DeliveryLoop(
      Route route,
      Function<Inbox, List<BucketStream>> streams,
      @Nullable TransactionalOffsetStore transactions,
      Duration idleInterval,
      int batchSize,
      int maxInFlight,
      long maxInFlightBytes,
      Duration drainTimeout,
      @Nullable FailedChanges redelivered) {
    this.route = route;
    this.inbox = new Inbox();
    this.streams = streams.apply(inbox);
    this.batchSize = batchSize;
    this.inFlight =
        new InFlight(maxInFlight, () -> Math.min(maxInFlightBytes, MemoryBudget.ROUTES.share()));
    this.commits =
        transactions == null
            ? new TimedCommits(this.streams)
            : new TransactionCommits(
                transactions,
                () ->
                    this.streams.stream()
                        .map(BucketStream::commitPoint)
                        .reduce(CommitPoint.CLEAN, CommitPoint::worse),
                () -> this.streams.stream().map(BucketStream::save).toList(),
                inFlight,
                idleInterval,
                System::nanoTime);
    this.drainTimeout = drainTimeout;
    this.redelivered = redelivered;
  }

  @Override
  public void run() {
    MemoryBudget.ROUTES.enter();
    try {
      open();
      long deadline = System.nanoTime();
      while (isRunning()) {
        if (System.nanoTime() - deadline >= 0) {
          deadline = poll();
        }
        if (streams.stream().allMatch(BucketStream::isFinished)) {
          finished = true;
          break;
        }
        boolean commitDue = isCommitDue();
        if (commitDue && inFlight.isEmpty()) {
          commits.commit();
          continue;
        }
        boolean mayDispatch = !suspended && !commitDue && inFlight.hasRoom();
        if (mayDispatch && dispatch()) {
          continue;
        }
        long wait = deadline - System.nanoTime();
        if (!commitDue) {
          wait = Math.min(wait, commits.nanosUntilDue());
        }
        if (inbox.await(mayDispatch, System.nanoTime() + wait)) {
          deadline = System.nanoTime();
        }
      }
    } catch (InterruptedException e) {
      if (!stopping) {
        fail(new IllegalStateException("The consumer's thread was interrupted.", e), null);
      }
    } catch (RuntimeException | Error e) {
      fail(e, null);
    } finally {
      MemoryBudget.ROUTES.leave();
      end();
    }
  }

  /** Opens the transactions. */
  private void open() {
    interruptibly(
        () -> {
          commits.open();
          return 0;
        });
  }

  /** Takes a step that may wait for long and sends nothing: {@link #stop} interrupts it at once. */
  private long interruptibly(LongSupplier step) {
    synchronized (interruption) {
      if (stopping) {
        return System.nanoTime();
      }
      waiting = Thread.currentThread();
    }
    try {
      return step.getAsLong();
    } finally {
      synchronized (interruption) {
        waiting = null;
        Thread.interrupted();
      }
    }
  }

  /**
   * Whether no exchange may begin before a commit.
   *
   * @throws IllegalStateException if exchanges have held the commit up for too long
   */
  private boolean isCommitDue() {
    boolean due =
        commits.nanosUntilDue() <= 0 || streams.stream().anyMatch(BucketStream::awaitsCommit);
    if (!due || inFlight.isEmpty()) {
      isHeldUp = false;
    } else if (!isHeldUp) {
      isHeldUp = true;
      heldUpSinceNanos = System.nanoTime();
    } else if (System.nanoTime() - heldUpSinceNanos > IN_ROUTE_TIMEOUT.toNanos()) {
      throw new IllegalStateException(
          "The route still has "
              + inFlight.count()
              + " exchanges after "
              + IN_ROUTE_TIMEOUT.toSeconds()
              + " s, which hold up the commit of the transaction.");
    }
    return due;
  }

  private boolean isRunning() {
    return !stopping && failure.get() == null;
  }

  private long poll() {
    long deadline = Long.MAX_VALUE;
    long now = System.nanoTime();
    for (BucketStream stream : streams) {
      long next = stream.isLoading() ? interruptibly(stream::poll) : stream.poll();
      deadline = Math.min(deadline, next - now);
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
    process(new Delivery(exchange, changes, bytes));
  }

  /** Has the exchange processed, unless {@link #stop} came before. */
  private void process(Delivery delivery) {
    synchronized (interruption) {
      if (stopping) {
        route.release(delivery.exchange);
        return;
      }
      processing = Thread.currentThread();
    }
    try {
      delivery.begin();
    } finally {
      synchronized (interruption) {
        processing = null;
        Thread.interrupted();
      }
    }
  }

  /** An exchange in the route. It comes out once, however often the route calls back. */
  private final class Delivery implements Runnable {
    private final Exchange exchange;
    private final List<DcpEvent> changes;
    private final long bytes;
    private boolean ended;

    Delivery(Exchange exchange, List<DcpEvent> changes, long bytes) {
      this.exchange = exchange;
      this.changes = changes;
      this.bytes = bytes;
    }

    void begin() {
      inFlight.begin(changes.size(), bytes);
      DcpEvent.dispatched(changes);
      try {
        route.process(exchange, this);
      } catch (RuntimeException | Error e) {
        end(e);
      }
    }

    @Override
    public void run() {
      Throwable cause = exchange.getException();
      if (cause == null && exchange.isRollbackOnly()) {
        cause = new IllegalStateException("The route marked the exchange as rollback only.");
      }
      end(cause);
    }

    private void end(@Nullable Throwable cause) {
      synchronized (this) {
        if (ended) {
          LOG.warn("The route called back again for an exchange that is done.");
          return;
        }
        ended = true;
      }
      boolean delivered = false;
      try {
        if (cause == null) {
          acknowledge();
          delivered = true;
        } else {
          undelivered(cause);
        }
      } catch (RuntimeException | Error e) {
        fail(new DeliveryException(changes, null, e), exchange);
      } finally {
        leave(delivered);
      }
    }

    private void acknowledge() {
      DcpEvent.acknowledge(changes);
      documents.add(changes.size());
      if (redelivered != null) {
        redelivered.delivered(changes);
      }
    }

    private void undelivered(Throwable cause) {
      if (stopping) {
        // Stopping interrupts what takes long in the route. The changes will be read again.
        LOG.debug("Not delivered because of stopping: {}", cause.toString());
        return;
      }
      if (failedChanges == null) {
        failedChanges = new FailedChanges(changes);
      }
      fail(new DeliveryException(changes, exchange.getMessage().getBody(), cause), exchange);
    }

    private void leave(boolean delivered) {
      try {
        route.release(exchange);
      } finally {
        DcpEvent.completed(changes);
        if (inFlight.end(changes.size(), bytes, delivered)) {
          inbox.wakeUp();
        }
      }
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
      if (!inFlight.awaitNone(drainTimeout)) {
        LOG.warn(
            "{} exchanges are still in the route after {} ms; their changes will be read again.",
            inFlight.count(),
            drainTimeout.toMillis());
      }
      if (!abandoned) {
        commits.end();
      }
    } catch (RuntimeException | Error e) {
      LOG.warn("What was delivered last could not be committed: {}", e.toString());
      if (!stopping || finished) {
        fail(e, null);
      }
    } finally {
      close();
    }
  }

  private void close() {
    try {
      commits.discard();
    } catch (RuntimeException | Error e) {
      LOG.warn("The transaction could not be closed: {}", e.toString());
    }
    Futures.await(
        "disconnecting from Couchbase",
        CLOSE_TIMEOUT,
        streams.stream().<CompletableFuture<?>>map(BucketStream::close).toList());
  }

  /**
   * Stops the loop: no exchange begins any more, and one that still keeps the loop's thread after a
   * second is interrupted. Returns at once.
   */
  void stop() {
    synchronized (interruption) {
      if (stopping) {
        return;
      }
      stopping = true;
      if (waiting != null) {
        waiting.interrupt();
      }
      if (processing != null) {
        Duration grace = STOP_GRACE.compareTo(drainTimeout) < 0 ? STOP_GRACE : drainTimeout;
        CompletableFuture.delayedExecutor(grace.toNanos(), TimeUnit.NANOSECONDS)
            .execute(this::interrupt);
      }
    }
    inbox.wakeUp();
  }

  /** Interrupts the exchange that was begun last if its thread isn't back yet. */
  private void interrupt() {
    synchronized (interruption) {
      if (processing != null) {
        processing.interrupt();
      }
    }
  }

  /**
   * Gives up waiting for the end after {@link #stop}: no more offsets are saved, since somebody
   * else may be doing that soon.
   */
  void abandon() {
    abandoned = true;
  }

  /** Whether no exchange of the loop is in the route, so that none of its changes come late. */
  boolean isEmpty() {
    return inFlight.count() == 0;
  }

  /** The changes of the exchange that failed; null if the loop has not failed because of one. */
  @Nullable FailedChanges failedChanges() {
    return failedChanges;
  }

  /** Whether changes that the loop before could not deliver are still not delivered. */
  boolean hasToRedeliver() {
    return redelivered != null && !redelivered.areDelivered();
  }

  /** Why the loop has failed; null if it hasn't. */
  @Nullable Throwable failure() {
    return failure.get();
  }

  /** Whether the loop has ended by itself, having read all that it was to read. */
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
