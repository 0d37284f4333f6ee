// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.Task;
import dev.caravan.connector.TaskConfig;
import dev.caravan.connector.TaskFactory;
import dev.caravan.connector.TaskStatus;
import dev.caravan.worker.ConnectorStatus.Part;
import dev.caravan.worker.ConnectorStatus.State;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task from the moment it is decided on until it is gone. It runs at most once: a task that was
 * retired before its start never starts.
 *
 * <p>{@link #start} and {@link #stop} belong to the worker's lifecycle thread; the rest may be
 * called by any thread and never blocks.
 */
final class ManagedTask {
  private static final Logger LOG = LoggerFactory.getLogger(ManagedTask.class);

  private final TaskConfig config;
  private final long generation;
  private final TaskFactory factory;
  private final TaskDelivery taskDelivery;
  private volatile boolean retired;
  private volatile @Nullable Task task;
  private volatile @Nullable Throwable startFailure;

  /**
   * @param generation of the set of tasks that this is one of
   */
  ManagedTask(TaskConfig config, long generation, TaskFactory factory, TaskDelivery taskDelivery) {
    this.config = config;
    this.generation = generation;
    this.factory = factory;
    this.taskDelivery = taskDelivery;
  }

  TaskConfig config() {
    return config;
  }

  void start() {
    if (retired) {
      return;
    }
    try {
      task = factory.start(config, taskDelivery.open(config, generation));
      LOG.info("Task {} started", config.id());
    } catch (Exception | LinkageError e) {
      startFailure = e;
      taskDelivery.close(config);
      LOG.error("Task {} can't be started", config.id(), e);
    }
  }

  /** Says that the task is no longer wanted, so that it finishes already; {@link #stop} follows. */
  void retire() {
    retired = true;
    Task current = task;
    if (current != null) {
      current.drain();
    }
  }

  void stop() {
    Task stopped = task;
    if (stopped == null) {
      return;
    }
    try {
      stopped.close();
      LOG.info("Task {} stopped", config.id());
    } catch (RuntimeException e) {
      LOG.error("Task {} could not be stopped cleanly", config.id(), e);
    } finally {
      taskDelivery.close(config);
      task = null;
    }
  }

  boolean isFailed() {
    return status("").state() == State.FAILED;
  }

  Part status(String workerId) {
    Throwable failure = startFailure;
    if (failure != null) {
      return new Part(State.FAILED, workerId, stackTrace(failure));
    }
    Task current = task;
    if (current == null) {
      return new Part(State.UNASSIGNED, workerId, "");
    }
    TaskStatus status = current.status();
    Throwable error = status.error();
    String trace = error == null ? "" : stackTrace(error);
    return switch (status.phase()) {
      case STREAMING -> new Part(State.RUNNING, workerId, trace);
      case FAILED -> new Part(State.FAILED, workerId, trace);
      case CONNECTING, STOPPED -> new Part(State.UNASSIGNED, workerId, trace);
    };
  }

  private static String stackTrace(Throwable error) {
    StringWriter trace = new StringWriter();
    error.printStackTrace(new PrintWriter(trace, true));
    return trace.toString();
  }
}
