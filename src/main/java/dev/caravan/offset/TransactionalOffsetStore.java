// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletionStage;

/**
 * An offset store that writes offsets in the same transaction as their records: either both are
 * committed, or neither.
 *
 * <p>It belongs to one task and is not thread-safe: only the task's lane calls it. The order is
 * {@link #open}, {@link #load}, and then any number of rounds of sending, {@link #save} and {@link
 * #commit}. After a failure, uncommitted records and offsets are lost, and a failed commit may have
 * succeeded nevertheless. The caller must then discard its state in memory, call {@link #open} and
 * continue from the loaded offsets.
 */
public interface TransactionalOffsetStore extends OffsetStore, AutoCloseable {

  /**
   * Takes over the task: aborts the open transaction of this or an earlier owner, and fences
   * earlier owners, which can no longer commit. Blocks until then; may be interrupted.
   *
   * @throws FencedException if this store was open before, and another owner has taken over the
   *     task since
   * @throws RuntimeException on other failures; {@link #isRetriable} returns whether a retry may
   *     succeed
   */
  void open();

  /** Returns the maximum time between commits; zero means a commit after each exchange. */
  Duration commitInterval();

  /**
   * Adds offsets to the transaction. They must be exactly those of the records that were sent in
   * it.
   *
   * @return completes with the {@link #commit}
   */
  @Override
  CompletionStage<Void> save(String bucket, Map<Integer, Offset> offsets);

  /**
   * Commits the records and offsets since the last commit, if there are any. Blocks; may be
   * interrupted.
   *
   * @throws RuntimeException if the transaction was not committed, or if the outcome is unknown
   */
  void commit();

  /**
   * Returns whether the same records may succeed after {@link #open}. This is true for a failure of
   * the transaction, and false for a record that Kafka refuses.
   */
  boolean isRetriable(Throwable failure);

  /**
   * Aborts the open transaction. Records in flight fail. Blocks for at most several seconds.
   * Idempotent; {@link #open} may follow.
   */
  @Override
  void close();
}
