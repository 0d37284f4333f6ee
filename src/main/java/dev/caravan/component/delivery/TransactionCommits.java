// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import dev.caravan.offset.TransactionalOffsetStore;
import dev.caravan.stream.progress.CommitPoint;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Exactly once: commits records and offsets together, or neither.
 *
 * <p>Invariant: the offsets of a transaction are those of its records. A commit comes between two
 * exchanges, on the thread that begins them, when none is in the route. So nothing can be sent
 * meanwhile, and what was sent is acknowledged unless an exchange was not delivered: it may have
 * sent a part of its records. After such an exchange, and after offsets that could not be saved,
 * nothing is committed any more: the transaction can only be discarded. For the loop's thread.
 */
final class TransactionCommits implements Commits {
  /** How long a commit may be put off so that a re-read ends in the same transaction. */
  private static final Duration FOR_REREAD = Duration.ofSeconds(5);

  /** A commit may be delayed by this part of the interval so that a snapshot ends. */
  private static final int FOR_SNAPSHOT_PART = 10;

  private static final Duration ANOTHER_LOOK = Duration.ofMillis(5);

  private final TransactionalOffsetStore transactions;
  private final Supplier<CommitPoint> point;
  private final Supplier<List<CompletableFuture<Void>>> saveAll;
  private final InFlight inFlight;
  private final Duration idleInterval;
  private final LongSupplier nanoTime;
  private long lastNanos;
  private long lastBegun;
  private long notBeforeNanos;

  /** Whether a re-read that goes on was committed in part: waiting for its end is no use then. */
  private boolean hasSplitReread;

  private boolean isOver;

  /**
   * @param point says how good a moment it is to commit
   * @param saveAll gives the transactions the offsets of all that is acknowledged
   * @param inFlight counts all that is sent in the transactions
   * @param idleInterval after which offsets are committed although nothing was delivered
   * @param nanoTime the clock, as {@link System#nanoTime}
   */
  TransactionCommits(
      TransactionalOffsetStore transactions,
      Supplier<CommitPoint> point,
      Supplier<List<CompletableFuture<Void>>> saveAll,
      InFlight inFlight,
      Duration idleInterval,
      LongSupplier nanoTime) {
    this.transactions = transactions;
    this.point = point;
    this.saveAll = saveAll;
    this.inFlight = inFlight;
    this.idleInterval = idleInterval;
    this.nanoTime = nanoTime;
    this.lastNanos = nanoTime.getAsLong();
    this.notBeforeNanos = lastNanos;
  }

  @Override
  public void open() {
    transactions.open();
    lastNanos = nanoTime.getAsLong();
  }

  @Override
  public long nanosUntilDue() {
    long now = nanoTime.getAsLong();
    return Math.max(dueNanos() - now, notBeforeNanos - now);
  }

  private long dueNanos() {
    boolean idle = inFlight.begun() == lastBegun;
    return lastNanos + (idle ? idleInterval : transactions.commitInterval()).toNanos();
  }

  /** Whether it is better to commit a little later, if nothing speaks against it. */
  private boolean isWorthWaiting(long now) {
    long overdue = now - dueNanos();
    return overdue >= 0
        && overdue
            < switch (pointNow()) {
              case CLEAN -> 0;
              case IN_SNAPSHOT -> transactions.commitInterval().toNanos() / FOR_SNAPSHOT_PART;
              case IN_REREAD -> hasSplitReread ? 0 : FOR_REREAD.toNanos();
            };
  }

  private CommitPoint pointNow() {
    CommitPoint now = point.get();
    hasSplitReread &= now == CommitPoint.IN_REREAD;
    return now;
  }

  @Override
  public void commit() {
    if (isOver || !inFlight.isAllDelivered()) {
      return;
    }
    long now = nanoTime.getAsLong();
    if (isWorthWaiting(now)) {
      notBeforeNanos = now + ANOTHER_LOOK.toNanos();
      return;
    }
    commitNow();
  }

  private void commitNow() {
    isOver = true;
    hasSplitReread = pointNow() == CommitPoint.IN_REREAD;
    List<CompletableFuture<Void>> saves = saveAll.get();
    // One that fails later makes the commit fail.
    saves.forEach(TransactionCommits::throwIfFailed);
    transactions.commit();
    saves.forEach(TransactionCommits::throwIfFailed);
    isOver = false;
    lastBegun = inFlight.begun();
    lastNanos = nanoTime.getAsLong();
  }

  private static void throwIfFailed(CompletableFuture<Void> save) {
    if (save.isCompletedExceptionally()) {
      try {
        save.join();
      } catch (CompletionException e) {
        throw e.getCause() instanceof RuntimeException cause ? cause : e;
      }
    }
  }

  @Override
  public void discard() {
    isOver = true;
    transactions.close();
  }

  @Override
  public void end() {
    // An incomplete re-read is published again from its start, so it must not be visible.
    boolean isWhole = pointNow() != CommitPoint.IN_REREAD || hasSplitReread;
    if (!isOver && inFlight.isAllDelivered() && isWhole) {
      commitNow();
    }
  }
}
