// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletionStage;

/**
 * An offset store that writes offsets in the same transaction as the records that they stand for:
 * both are there, or neither.
 *
 * <p>It belongs to one task, whose lane is the only thread that calls it. The order is {@link
 * #open}, then {@link #load}, then any number of rounds of sending, {@link #save} and {@link
 * #commit}. After a failure of any of these, what was not committed is lost, a commit that failed
 * may still have taken place, and nothing in memory is to be trusted: the next thing to call is
 * {@link #open}, and then the saved offsets alone tell how far the task has come.
 */
public interface TransactionalOffsetStore extends OffsetStore, AutoCloseable {

  /**
   * Takes the task over: ends what it, or an earlier owner of the task, has left open, and from
   * then on no earlier owner can commit any more. Blocks until that is so; may be interrupted.
   *
   * @throws FencedException if this store has been open before, and somebody else has taken the
   *     task over since
   * @throws RuntimeException if it can't be done now; {@link #isRetriable} tells whether it helps
   *     to try again
   */
  void open();

  /** How long records may wait for their {@link #commit}; zero for a commit after each exchange. */
  Duration commitInterval();

  /**
   * Adds offsets to the transaction; those of the records that were sent in it, no more and no
   * less.
   *
   * @return completes with the {@link #commit}
   */
  @Override
  CompletionStage<Void> save(String bucket, Map<Integer, Offset> offsets);

  /**
   * Commits what was sent and saved since the last commit. Does nothing if that is nothing. Blocks;
   * may be interrupted.
   *
   * @throws RuntimeException if the transaction was not committed, or nobody knows
   */
  void commit();

  /**
   * Whether a failure is one of the transaction, so that the same may succeed after {@link #open};
   * not one of a record, which would be refused again.
   */
  boolean isRetriable(Throwable failure);

  /**
   * Aborts what is not committed; every record that is still on its way fails. Blocks for a few
   * seconds at most. Idempotent; {@link #open} may follow.
   */
  @Override
  void close();
}
