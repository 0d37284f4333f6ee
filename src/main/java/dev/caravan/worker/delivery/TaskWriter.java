// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.connector.TaskConfig;
import dev.caravan.offset.OffsetStore;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * All that one run of a task writes to Kafka with: its views of the producers of its records and
 * offsets. Thread-safe.
 */
public final class TaskWriter {
  private final TaskConfig task;
  private final OffsetStore offsets;
  private final List<TaskProducer> producers;
  private final Runnable close;
  private volatile String waiting = "";
  private volatile boolean isRetired;

  /**
   * @param producers all views of producers that the task has; more may be added later
   * @param close ends what belongs to this run of the task; may be called several times
   */
  public TaskWriter(
      TaskConfig task,
      OffsetStore offsets,
      CopyOnWriteArrayList<TaskProducer> producers,
      Runnable close) {
    this.task = task;
    this.offsets = offsets;
    this.producers = producers;
    this.close = close;
  }

  TaskConfig task() {
    return task;
  }

  public OffsetStore offsets() {
    return offsets;
  }

  public List<TaskProducer> producers() {
    return producers;
  }

  /**
   * Whether changes were lost on their way to Kafka, with a producer that was given up: the task
   * has to be started again, to read them again. That is no failure of the task.
   */
  public boolean isBroken() {
    return !isRetired && producers.stream().anyMatch(TaskProducer::isBroken);
  }

  /** What the task's records wait for, in a sentence; empty if they don't wait. */
  public String waiting() {
    return waiting;
  }

  public void setWaiting(String text) {
    waiting = text;
  }

  /**
   * Sends nothing any more; to be called when the task has stopped.
   *
   * @return completes when no record and no offset of the task can reach Kafka any more: all are
   *     acknowledged, or their producers are closed
   */
  public CompletableFuture<Void> retire() {
    isRetired = true;
    CompletableFuture<Void> retired =
        CompletableFuture.allOf(
            producers.stream().map(TaskProducer::retire).toArray(CompletableFuture[]::new));
    // After that: what still waits there is refused then.
    close.run();
    return retired;
  }

  /** Gives up the producers that still have records or offsets of the task. Returns at once. */
  void abort() {
    for (TaskProducer producer : producers) {
      if (!producer.waits().isEmpty()) {
        producer.current().abort();
      }
    }
  }
}
