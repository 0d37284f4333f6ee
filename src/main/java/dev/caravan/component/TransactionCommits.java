// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.offset.TransactionalOffsetStore;
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
 * nothing is committed any more: the transaction can only be discarded. For the lane's thread.
 */
final class TransactionCommits implements Commits {
  private final TransactionalOffsetStore transactions;
  private final Supplier<List<CompletableFuture<Void>>> saveAll;
  private final InFlight inFlight;
  private final Duration idleInterval;
  private final LongSupplier nanoTime;
  private long lastNanos;
  private long lastBegun;
  private boolean isOver;

  /**
   * @param saveAll gives the transactions the offsets of all that is acknowledged
   * @param inFlight counts all that is sent in the transactions
   * @param idleInterval after which offsets are committed although nothing was delivered
   * @param nanoTime the clock, as {@link System#nanoTime}
   */
  TransactionCommits(
      TransactionalOffsetStore transactions,
      Supplier<List<CompletableFuture<Void>>> saveAll,
      InFlight inFlight,
      Duration idleInterval,
      LongSupplier nanoTime) {
    this.transactions = transactions;
    this.saveAll = saveAll;
    this.inFlight = inFlight;
    this.idleInterval = idleInterval;
    this.nanoTime = nanoTime;
    this.lastNanos = nanoTime.getAsLong();
  }

  @Override
  public void open() {
    transactions.open();
    lastNanos = nanoTime.getAsLong();
  }

  @Override
  public long nanosUntilDue() {
    boolean idle = inFlight.begun() == lastBegun;
    Duration interval = idle ? idleInterval : transactions.commitInterval();
    return lastNanos + interval.toNanos() - nanoTime.getAsLong();
  }

  @Override
  public void commit() {
    if (isOver || !inFlight.isAllDelivered()) {
      return;
    }
    isOver = true;
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
    commit();
  }
}
