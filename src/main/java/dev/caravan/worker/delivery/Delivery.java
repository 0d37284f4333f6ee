// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.connector.TaskConfig;
import java.util.concurrent.CompletableFuture;

/** Gives the runs of a task what they write to Kafka with. Safe for use by several threads. */
public interface Delivery {
  /**
   * Sees to it that what a task needs in Kafka is there. Returns at once; {@link #open} follows.
   */
  CompletableFuture<Void> prepare(TaskConfig task);

  /**
   * What a task that is about to start writes with, until {@link #retire}. May block for some
   * seconds.
   *
   * @param generation of the set of tasks that this is one of
   * @param claim of the assignment that the task starts for
   */
  TaskWriter open(TaskConfig task, long generation, TransactionClaim claim);

  /**
   * A run of a task has ended; it sends nothing any more.
   *
   * @return completes when nothing of it can reach Kafka any more
   */
  CompletableFuture<Void> retire(TaskWriter writer);

  /**
   * Somebody waits for what {@link #retire} has returned: after a while, the producers that keep it
   * waiting are given up.
   */
  void release(TaskWriter writer);
}
