// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.offset.TransactionalOffsetStore;
import dev.caravan.stream.BucketStream;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Exactly once: commits records and offsets together.
 *
 * <p>Invariant: the offsets of a transaction are those of its records. A commit comes between two
 * exchanges, on the thread that begins them, and waits until none is in the route, so everything
 * that was sent is acknowledged, and nothing else can be. For the lane's thread.
 */
final class TransactionCommits implements Commits {
  /** Longer than Kafka's client takes to give a record up. */
  private static final Duration IN_ROUTE_TIMEOUT = Duration.ofMinutes(1);

  private final TransactionalOffsetStore transactions;
  private final List<BucketStream> streams;
  private final InFlight inFlight;
  private final BooleanSupplier failed;
  private final Duration idleInterval;
  private long lastNanos = System.nanoTime();
  private long lastBegun;

  /**
   * @param failed whether an exchange has failed
   * @param idleInterval after which offsets are committed although nothing was delivered
   */
  TransactionCommits(
      TransactionalOffsetStore transactions,
      List<BucketStream> streams,
      InFlight inFlight,
      BooleanSupplier failed,
      Duration idleInterval) {
    this.transactions = transactions;
    this.streams = streams;
    this.inFlight = inFlight;
    this.failed = failed;
    this.idleInterval = idleInterval;
  }

  @Override
  public void open() {
    transactions.open();
    lastNanos = System.nanoTime();
  }

  @Override
  public long nanosUntilDue() {
    boolean idle = inFlight.begun() == lastBegun;
    Duration interval = idle ? idleInterval : transactions.commitInterval();
    return lastNanos + interval.toNanos() - System.nanoTime();
  }

  @Override
  public void commit() {
    boolean none = inFlight.awaitNone(IN_ROUTE_TIMEOUT);
    if (failed.getAsBoolean()) {
      return;
    }
    if (!none) {
      throw new IllegalStateException(
          "The route still has exchanges after " + IN_ROUTE_TIMEOUT.toSeconds() + " s.");
    }
    lastBegun = inFlight.begun();
    streams.forEach(BucketStream::commit);
    transactions.commit();
    lastNanos = System.nanoTime();
  }

  @Override
  public void discard() {
    transactions.close();
  }

  @Override
  public void end(boolean drained) {
    if (drained) {
      commit();
    }
  }
}
