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
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task from the moment it is decided on until it is gone. One that was retired never starts
 * again.
 *
 * <p>{@link #start}, {@link #restart} and {@link #stop} belong to the worker's lifecycle thread;
 * the rest may be called by any thread, unless it says otherwise, and never blocks.
 */
final class ManagedTask {
  private static final Logger LOG = LoggerFactory.getLogger(ManagedTask.class);

  /** Characters: it is written to a topic, and to all who ask. */
  private static final int MAX_TRACE = 16_384;

  private final TaskConfig config;
  private final long generation;
  private final TaskFactory factory;
  private final TaskDelivery taskDelivery;
  private final TaskRestarts restarts;
  private final TransactionClaim claim = new TransactionClaim();
  private volatile boolean retired;
  private volatile @Nullable Task task;
  private volatile @Nullable Throwable startFailure;
  private volatile String story = "";
  private volatile boolean isRestarting;

  /**
   * @param generation of the set of tasks that this is one of
   */
  ManagedTask(TaskConfig config, long generation, TaskFactory factory, TaskDelivery taskDelivery) {
    this.config = config;
    this.generation = generation;
    this.factory = factory;
    this.taskDelivery = taskDelivery;
    this.restarts = new TaskRestarts(config.connector().restartPolicy());
  }

  TaskConfig config() {
    return config;
  }

  void start() {
    if (retired) {
      return;
    }
    try {
      startFailure = null;
      task = factory.start(config, taskDelivery.open(config, generation, claim));
      LOG.info("Task {} started", config.id());
    } catch (Exception | LinkageError e) {
      startFailure = e;
      taskDelivery.close(config);
      LOG.error("Task {} can't be started", config.id(), e);
    }
  }

  /** Stops the task and starts it once more. */
  void restart() {
    stop();
    start();
    isRestarting = false;
  }

  /**
   * Whether the task has failed and is to be started again now: {@link #restart} must follow then.
   * Asked regularly, by one thread.
   */
  boolean isRestartDue(Instant now) {
    if (isRestarting) {
      return false;
    }
    State state = state();
    if (state == State.FAILED) {
      restarts.failed(now);
    } else if (state == State.RUNNING) {
      restarts.running(now);
    }
    story = restarts.story();
    boolean due = restarts.isDue(now);
    if (due) {
      LOG.info("Task {} failed and is started again: {}", config.id(), story);
      restarts.restarted();
      isRestarting = true;
    }
    return due;
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

  private State state() {
    Task current = task;
    if (startFailure != null) {
      return State.FAILED;
    }
    return current == null ? State.UNASSIGNED : state(current.status());
  }

  private static State state(TaskStatus status) {
    return switch (status.phase()) {
      case STREAMING -> State.RUNNING;
      case FAILED -> State.FAILED;
      case CONNECTING, STOPPED -> State.UNASSIGNED;
    };
  }

  Part status(String workerId) {
    Throwable failure = startFailure;
    if (failure != null) {
      return failed(workerId, failure);
    }
    Task current = task;
    if (current == null) {
      return new Part(State.UNASSIGNED, workerId, "");
    }
    TaskStatus status = current.status();
    Throwable error = status.error();
    State state = state(status);
    if (state == State.FAILED && error != null) {
      return failed(workerId, error);
    }
    return new Part(state, workerId, error == null ? "" : stackTrace(error));
  }

  private Part failed(String workerId, Throwable failure) {
    String told = story;
    String trace = stackTrace(failure);
    return new Part(State.FAILED, workerId, told.isEmpty() ? trace : told + "\n" + trace);
  }

  private static String stackTrace(Throwable error) {
    StringWriter trace = new StringWriter();
    error.printStackTrace(new PrintWriter(trace, true));
    return trace.getBuffer().length() > MAX_TRACE
        ? trace.getBuffer().substring(0, MAX_TRACE) + "..."
        : trace.toString();
  }
}
