// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.connector.TaskConfig;
import dev.caravan.offset.OffsetStore;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

/** The producers and the offset store of one run of a task. Thread-safe. */
public final class TaskWriter {
  private final TaskConfig task;
  private final OffsetStore offsets;
  private final List<TaskProducer> producers;
  private final Runnable close;
  private volatile String waiting = "";
  private volatile boolean isRetired;

  /**
   * Creates a writer.
   *
   * @param producers the task's views of producers; more may be added later
   * @param close releases what belongs to this run; may be called several times
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
   * Returns whether changes were lost with an aborted producer. The task must then be restarted to
   * read them again. This is not a failure of the task.
   */
  public boolean isBroken() {
    return !isRetired && producers.stream().anyMatch(TaskProducer::isBroken);
  }

  /** Returns a sentence that says what the task's records wait for; empty if they don't wait. */
  public String waiting() {
    return waiting;
  }

  public void setWaiting(String text) {
    waiting = text;
  }

  /**
   * Stops sending. The task must have stopped.
   *
   * @return completes when no record and no offset of the task can reach Kafka any more: all are
   *     acknowledged, or their producers are closed
   */
  public CompletableFuture<Void> retire() {
    isRetired = true;
    CompletableFuture<Void> retired =
        CompletableFuture.allOf(
            producers.stream().map(TaskProducer::retire).toArray(CompletableFuture[]::new));
    // After the views are retired, so that waiting dead letters are refused.
    close.run();
    return retired;
  }

  /** Aborts the producers that have outstanding records or offsets of the task. Does not block. */
  void abort() {
    for (TaskProducer producer : producers) {
      if (!producer.waits().isEmpty()) {
        producer.current().abort();
      }
    }
  }
}
