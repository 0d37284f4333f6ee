// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import dev.caravan.connector.Task;
import dev.caravan.connector.TaskConfig;
import dev.caravan.connector.TaskFactory;
import dev.caravan.connector.TaskStatus;
import dev.caravan.offset.OffsetStore;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Tasks that do nothing and record the calls, for tests that need no Couchbase. */
public final class RecordedTasks implements TaskFactory {
  private final List<RecordedTask> tasks = new CopyOnWriteArrayList<>();
  private volatile CountDownLatch gate = new CountDownLatch(0);
  private volatile TaskStatus status = new TaskStatus(TaskStatus.TaskState.STREAMING, null);
  private volatile Exception startFailure;

  /** Sets the status that tasks return from now on. */
  public void setStatus(TaskStatus status) {
    this.status = status;
  }

  /** Sets the failure of each start from now on; null for none. */
  public void setStartFailure(Exception startFailure) {
    this.startFailure = startFailure;
  }

  /** Makes each start wait for {@link #open()} from now on. */
  public void block() {
    gate = new CountDownLatch(1);
  }

  public void open() {
    gate.countDown();
  }

  @Override
  public Task start(TaskConfig config, OffsetStore offsets) throws Exception {
    gate.await(1, TimeUnit.MINUTES);
    if (startFailure != null) {
      throw startFailure;
    }
    RecordedTask task = new RecordedTask(config, offsets);
    tasks.add(task);
    return task;
  }

  /** All tasks that were started, in the order of their starts. */
  public List<RecordedTask> started() {
    return List.copyOf(tasks);
  }

  /** The tasks that were started and not closed. */
  public List<RecordedTask> running() {
    return tasks.stream().filter(task -> !task.closed).toList();
  }

  /** The tasks of a connector that were started and not closed. */
  public List<RecordedTask> runningOf(String connector) {
    return tasks.stream()
        .filter(task -> !task.closed && task.config.connector().name().equals(connector))
        .toList();
  }

  /** A task that returns its status and does nothing else. */
  public final class RecordedTask implements Task {
    private final TaskConfig config;
    private final OffsetStore offsets;
    private final int runningBefore;
    private volatile boolean closed;

    private RecordedTask(TaskConfig config, OffsetStore offsets) {
      this.config = config;
      this.offsets = offsets;
      this.runningBefore = (int) tasks.stream().filter(task -> task.isSameTask(config)).count();
    }

    private boolean isSameTask(TaskConfig other) {
      return !closed && config.id().equals(other.id());
    }

    public TaskConfig config() {
      return config;
    }

    public OffsetStore offsets() {
      return offsets;
    }

    /** The number of running tasks with the same id when this one started. */
    public int runningBefore() {
      return runningBefore;
    }

    @Override
    public TaskStatus status() {
      return status;
    }

    @Override
    public void drain() {
      // There is nothing to finish.
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}
