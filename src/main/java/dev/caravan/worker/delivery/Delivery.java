// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.connector.TaskConfig;
import java.util.concurrent.CompletableFuture;

/** Provides the producers and the offset store of a task for each of its runs. Thread-safe. */
public interface Delivery {
  /**
   * Creates what a task needs in Kafka. Does not block; {@link #open} is called after it completes.
   */
  CompletableFuture<Void> prepare(TaskConfig task);

  /**
   * Opens a writer for a task that is about to start. The caller ends it with {@link #retire}. May
   * block for a few seconds.
   *
   * @param generation the config generation of the task
   * @param claim the claim of the assignment that the task starts for
   */
  TaskWriter open(TaskConfig task, long generation, TransactionClaim claim);

  /**
   * Ends a writer. The task must have stopped.
   *
   * @return completes when nothing of the task can reach Kafka any more
   */
  CompletableFuture<Void> retire(TaskWriter writer);

  /**
   * Sets a limit for {@link #retire}, because another worker waits for the task: after 10 s, the
   * producers that still have its records are aborted.
   */
  void release(TaskWriter writer);
}
