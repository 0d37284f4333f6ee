// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import static java.util.Objects.requireNonNull;

import dev.caravan.offset.Offset;
import dev.caravan.offset.OffsetStore;
import dev.caravan.offset.TransactionalOffsetStore;
import dev.caravan.stream.change.ChangeSink;
import dev.caravan.stream.client.DcpClientFactory;
import dev.caravan.stream.cluster.ConnectionFailure;
import dev.caravan.stream.cluster.ConnectionFailure.Reason;
import dev.caravan.stream.flow.DispatchedEvents;
import dev.caravan.stream.progress.AckTracker;
import dev.caravan.stream.progress.CommitPoint;
import dev.caravan.stream.progress.StreamEnds;
import dev.caravan.stream.settings.PurgedTombstones;
import dev.caravan.stream.settings.StreamFrom;
import dev.caravan.stream.settings.StreamSettings;
import dev.caravan.stream.settings.StreamTo;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One bucket, read for as long as a consumer runs: makes a {@link DcpSession}, and another one from
 * the acknowledged prefix whenever one ends, for ever, with growing pauses; loads offsets before
 * and saves them while it streams.
 *
 * <p>It has no thread of its own. Its delivery loop calls {@link #poll} often; every step that
 * waits for the network is a future that wakes the delivery loop. All methods are for the loop's
 * thread, except {@link #status}, which is for any.
 *
 * <p>Invariant: a new session starts only when no change of the previous one is in a route any
 * more, so that no acknowledgement of an old event can come after the same event of the new
 * session.
 */
public final class BucketStream {
  private static final Logger LOG = LoggerFactory.getLogger(BucketStream.class);

  /** How often a healthy stream is looked at if nothing wakes the delivery loop. */
  private static final long ATTENTION_NANOS = Duration.ofMillis(500).toNanos();

  /**
   * How long the next session waits for the connections of the last one to be closed. Nothing that
   * still arrives on them counts.
   */
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(30);

  /** How often the log repeats why a bucket is not streaming. */
  private static final long REPEAT_NANOS = Duration.ofMinutes(5).toNanos();

  /** How much faster pauses grow while Couchbase refuses the login or the bucket. */
  private static final int REFUSED_GROWTH = 4;

  private enum Step {
    WAITING,
    CONNECTING,
    LOCATING,
    SAVING,
    OPENING,
    STREAMING,
    DRAINING
  }

  private final String bucket;
  private final StreamSettings settings;
  private final StreamStart start;
  private final OffsetStore offsets;
  private final EventLoops eventLoops;
  private final ChangeSink sink;
  private final AckTracker progress = new AckTracker();
  private final StreamEnds ends = new StreamEnds();
  private final DispatchedEvents dispatched = new DispatchedEvents(this::noneDispatched);
  private final AtomicInteger rollbacks = new AtomicInteger();
  private volatile @Nullable DcpSession session;
  private volatile Step step = Step.WAITING;
  private volatile @Nullable Throwable error;
  private volatile int selectedVbuckets;
  private List<Integer> vbuckets = List.of();
  private CompletableFuture<?> pending = CompletableFuture.completedFuture(null);
  private CompletableFuture<Map<Integer, Offset>> located = nothing();
  private CompletableFuture<Map<Integer, Long>> highSeqnos = nothing();
  private boolean hasLoaded;
  private boolean hasNewStart;
  private CompletableFuture<Void> startSaved = new CompletableFuture<>();
  private CompletableFuture<?> closing = CompletableFuture.completedFuture(null);
  private long nextAttemptNanos = System.nanoTime();
  private Duration persistencePolling;
  private Duration backoff;
  private @Nullable String logged;
  private long loggedNanos;
  private long nextCommitNanos;
  private CompletableFuture<?> commit = CompletableFuture.completedFuture(null);

  /**
   * @param start shared by all that stream for the same start of a consumer
   */
  public BucketStream(
      String bucket,
      StreamSettings settings,
      StreamStart start,
      OffsetStore offsets,
      EventLoops eventLoops,
      ChangeSink sink) {
    this.bucket = bucket;
    this.settings = settings;
    this.start = start;
    this.offsets = offsets;
    this.eventLoops = eventLoops;
    this.sink = sink;
    this.persistencePolling = settings.persistencePolling();
    this.backoff = settings.retryBackoff();
    this.nextCommitNanos = System.nanoTime() + settings.offsetCommitInterval().toNanos();
  }

  public String bucket() {
    return bucket;
  }

  private void noneDispatched() {
    if (step == Step.DRAINING || isFinite()) {
      sink.wakeUp();
    }
  }

  /**
   * Takes the next step if it is time for one.
   *
   * @return when to be called again at the latest, as {@link System#nanoTime}
   * @throws IllegalArgumentException if the bucket can't be read as configured, whatever happens
   *     later
   * @throws ConnectionFailure if the bucket must not be read any further
   */
  public long poll() {
    long now = System.nanoTime();
    commitIfDue(now);
    switch (step) {
      case WAITING -> {
        if (now - nextAttemptNanos < 0) {
          return Math.min(nextAttemptNanos, now + ATTENTION_NANOS);
        }
        DcpSession made =
            new DcpSession(
                bucket,
                settings,
                progress,
                ends,
                new DcpClientFactory(settings, eventLoops.group()),
                persistencePolling,
                dispatched,
                sink,
                rollbacks);
        session = made;
        proceed(Step.CONNECTING, made.connect());
      }
      case CONNECTING -> whenPendingIsDone(this::locate);
      case LOCATING -> {
        session().failIfDisconnectedFor(settings.bootstrapTimeout().toNanos());
        whenPendingIsDone(this::located);
      }
      case SAVING -> {
        session().failIfDisconnectedFor(settings.bootstrapTimeout().toNanos());
        whenPendingIsDone(this::begin);
      }
      case OPENING -> {
        session().failIfDisconnectedFor(settings.bootstrapTimeout().toNanos());
        whenPendingIsDone(this::streaming);
        if (step == Step.OPENING) {
          // A node that is away keeps the step here, while the others stream.
          session().detectStalls(now);
        }
      }
      case STREAMING -> {
        session().failIfDisconnectedFor(settings.bootstrapTimeout().toNanos());
        Throwable failure = session().failure();
        if (failure != null) {
          lost(failure);
        } else {
          session().detectStalls(now);
        }
      }
      case DRAINING -> {
        if (dispatched.isNone() && closing.isDone()) {
          progress.rewind();
          ends.rewind();
          step = Step.WAITING;
        }
      }
    }
    return System.nanoTime() + ATTENTION_NANOS;
  }

  /**
   * Whether the next {@link #poll} may wait for the first offsets to be loaded, and does nothing
   * else that matters, so that it may be interrupted.
   */
  public boolean isLoading() {
    return step == Step.CONNECTING && !hasLoaded;
  }

  /** Only once a first attempt to connect was made. */
  private DcpSession session() {
    return requireNonNull(session, "no session");
  }

  private void proceed(Step next, CompletableFuture<?> future) {
    step = next;
    pending = future;
    future.whenComplete((value, failed) -> sink.wakeUp());
  }

  private void whenPendingIsDone(Runnable then) {
    Throwable failure = session().failure();
    if (failure != null) {
      lost(failure);
    } else if (pending.isCompletedExceptionally()) {
      lost(causeOf(pending));
    } else if (pending.isDone()) {
      then.run();
    }
  }

  private static Throwable causeOf(CompletableFuture<?> failed) {
    try {
      failed.join();
      throw new IllegalStateException("Expected a failure.");
    } catch (CompletionException e) {
      return e.getCause() == null ? e : e.getCause();
    }
  }

  private void locate() {
    // A bucket may be made again as another type.
    Duration polling = session().isEphemeral() ? Duration.ZERO : settings.persistencePolling();
    if (!polling.equals(persistencePolling)) {
      persistencePolling = polling;
      LOG.info(
          polling.isZero()
              ? "Bucket '{}' is ephemeral, where nothing is persisted: changes are not held back"
                  + " until it is."
              : "Bucket '{}' is not ephemeral: changes are held back until they are persisted.",
          bucket);
      end(System.nanoTime());
      return;
    }
    vbuckets = settings.vbuckets().of(session().vbucketCount());
    selectedVbuckets = vbuckets.size();
    List<Integer> unknown =
        vbuckets.stream().filter(vbucket -> !progress.isStarted(vbucket)).toList();
    StreamFrom from = start.of(bucket);
    Map<Integer, Offset> saved = Map.of();
    if (from.usesSaved() && !unknown.isEmpty()) {
      try {
        saved = offsets.load(bucket, unknown);
      } catch (RuntimeException e) {
        lost(
            new ConnectionFailure(
                Reason.OFFSETS, "The offsets of bucket '" + bucket + "' can't be loaded: " + e, e));
        return;
      }
    }
    hasLoaded = true;
    saved.forEach((vbucket, offset) -> progress.start(vbucket, offset, true));
    if (!saved.isEmpty() && settings.purgedTombstones() == PurgedTombstones.LENIENT) {
      LOG.warn(
          "Bucket '{}': purgedTombstones is 'lenient', so deletions are missing if the bucket was"
              + " not read for longer than its metadata purge interval.",
          bucket);
    }
    List<Integer> without =
        unknown.stream().filter(vbucket -> !progress.isStarted(vbucket)).toList();
    boolean fromNow = from.otherwiseNow() && !without.isEmpty();
    if (!fromNow) {
      // Older offsets, which were not looked at, must not be found by the next one who looks.
      boolean mayBeSaved = !from.usesSaved();
      without.forEach(vbucket -> progress.start(vbucket, BEGINNING, !mayBeSaved));
      hasNewStart |= mayBeSaved && !without.isEmpty();
    }
    located = fromNow ? session().currentOffsets(without) : nothing();
    highSeqnos = isFinite() ? session().highSeqnos(vbuckets) : nothing();
    proceed(Step.LOCATING, CompletableFuture.allOf(located, highSeqnos));
  }

  private static <T> CompletableFuture<Map<Integer, T>> nothing() {
    return CompletableFuture.completedFuture(Map.of());
  }

  private boolean isFinite() {
    return settings.streamTo() == StreamTo.NOW;
  }

  /** Whether a finite run has got to its end, and all changes up to there are acknowledged. */
  public boolean isFinished() {
    return isFinite()
        && step == Step.STREAMING
        && ends.allReached(selectedVbuckets)
        && progress.isAcknowledged();
  }

  private static final Offset BEGINNING = new Offset(0, 0, 0, 0, 0);

  /**
   * A start that was decided now is saved before anything is streamed: whoever comes next finds it,
   * whatever happens meanwhile, and takes no later "now" and no second beginning.
   */
  private void located() {
    Map<Integer, Offset> now = located.join();
    now.forEach((vbucket, offset) -> progress.start(vbucket, offset, false));
    hasNewStart |= !now.isEmpty();
    ends.set(highSeqnos.join());
    if (!hasNewStart || progress.unsaved().isEmpty()) {
      begin();
    } else if (isTransactional()) {
      startSaved = new CompletableFuture<>();
      proceed(Step.SAVING, startSaved);
    } else {
      proceed(
          Step.SAVING,
          save()
              .exceptionallyCompose(
                  e ->
                      CompletableFuture.failedFuture(
                          new ConnectionFailure(
                              Reason.OFFSETS,
                              "Bucket '"
                                  + bucket
                                  + "': the offsets to start from can't be saved: "
                                  + e,
                              e))));
    }
  }

  private void begin() {
    hasNewStart = false;
    start.begun(bucket);
    proceed(Step.OPENING, session().open(vbuckets));
  }

  private boolean isTransactional() {
    return offsets instanceof TransactionalOffsetStore;
  }

  /** How good a moment it is to commit what is acknowledged. */
  public CommitPoint commitPoint() {
    return progress.commitPoint();
  }

  /**
   * Whether this stream can't go on before the delivery loop commits what it has to {@link #save}.
   */
  public boolean awaitsCommit() {
    return step == Step.SAVING && isTransactional() && !startSaved.isDone();
  }

  private void streaming() {
    LOG.info("Streaming {} vBuckets of bucket '{}'.", vbuckets.size(), bucket);
    backoff = settings.retryBackoff();
    logged = null;
    error = null;
    step = Step.STREAMING;
  }

  private void lost(Throwable cause) {
    if (cause instanceof ConnectionFailure failure && failure.isFinal()) {
      throw failure;
    }
    long jittered = (long) (backoff.toNanos() * ThreadLocalRandom.current().nextDouble(0.8, 1.2));
    logNotStreaming(cause, jittered / 1_000_000);
    // A refusal lasts until somebody changes something, and each attempt is in the node's log, too.
    boolean refused = cause instanceof ConnectionFailure failure && failure.isDecisive();
    Duration longer = backoff.multipliedBy(refused ? REFUSED_GROWTH : 2);
    backoff =
        longer.compareTo(settings.maxRetryBackoff()) < 0 ? longer : settings.maxRetryBackoff();
    error = cause;
    end(System.nanoTime() + jittered);
  }

  /** Warns when it begins or has another reason, and now and then while it lasts. */
  private void logNotStreaming(Throwable cause, long pauseMillis) {
    String reason = String.valueOf(cause.getMessage());
    long now = System.nanoTime();
    if (!reason.equals(logged) || now - loggedNanos >= REPEAT_NANOS) {
      logged = reason;
      loggedNanos = now;
      LOG.warn(
          "Bucket '{}' is not streaming, trying again in {} ms and on: {}",
          bucket,
          pauseMillis,
          reason);
    }
    LOG.debug("Bucket '{}' is not streaming, trying again in {} ms", bucket, pauseMillis, cause);
  }

  /** Ends the session; another one begins at this time, as {@link System#nanoTime}. */
  private void end(long nextAttempt) {
    closing =
        session()
            .close()
            .copy()
            .completeOnTimeout(null, CLOSE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    closing.thenRun(sink::wakeUp);
    nextAttemptNanos = nextAttempt;
    step = Step.DRAINING;
    sink.wakeUp();
  }

  private void commitIfDue(long now) {
    if (isTransactional()) {
      // The delivery loop commits, between two exchanges.
      return;
    }
    if (now - nextCommitNanos >= 0 && commit.isDone()) {
      commit();
    }
  }

  /**
   * Saves the acknowledged prefix of the vBuckets where it has moved.
   *
   * @return completes when the store has it; failures are logged, and tried again with the next
   *     commit
   */
  public CompletableFuture<?> commit() {
    nextCommitNanos = System.nanoTime() + settings.offsetCommitInterval().toNanos();
    commit =
        save()
            .exceptionally(
                failed -> {
                  LOG.warn(
                      "The offsets of bucket '{}' couldn't be saved, trying again: {}",
                      bucket,
                      failed.toString());
                  return null;
                });
    return commit;
  }

  /**
   * Saves the acknowledged prefix of the vBuckets where it has moved.
   *
   * @return completes when the store has it, and fails if it couldn't be saved
   */
  public CompletableFuture<Void> save() {
    Map<Integer, Offset> unsaved = progress.unsaved();
    CompletableFuture<Void> saving = CompletableFuture.completedFuture(null);
    if (!unsaved.isEmpty()) {
      try {
        saving = offsets.save(bucket, unsaved).toCompletableFuture();
      } catch (RuntimeException e) {
        saving = CompletableFuture.failedFuture(e);
      }
    }
    CompletableFuture<Void> awaited = startSaved;
    return saving.thenRun(
        () -> {
          progress.saved(unsaved);
          awaited.complete(null);
        });
  }

  /** Ends the session. Its changes are stale from now on. */
  public CompletableFuture<?> close() {
    DcpSession open = session;
    CompletableFuture<?> closed =
        open == null ? CompletableFuture.completedFuture(null) : open.close();
    progress.release();
    return closed;
  }

  public BucketStatus status() {
    DcpSession current = session;
    if (current == null || current.isClosed()) {
      return status(false, 0, error);
    }
    Throwable trouble = current.failure();
    Step now = step;
    if (trouble == null && current.isConnected() && now != Step.CONNECTING) {
      ConnectionFailure impairment = current.impairment();
      if (now == Step.STREAMING || (now == Step.OPENING && impairment != null)) {
        return status(true, current.openStreams(), impairment);
      }
    }
    if (trouble == null) {
      trouble = current.connectionFailure();
    }
    return status(false, 0, trouble == null ? error : trouble);
  }

  private BucketStatus status(boolean streaming, int openStreams, @Nullable Throwable trouble) {
    return new BucketStatus(
        bucket, streaming, openStreams, selectedVbuckets, trouble, rollbacks.get());
  }
}
