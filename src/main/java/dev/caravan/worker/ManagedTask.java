// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.Task;
import dev.caravan.connector.TaskConfig;
import dev.caravan.connector.TaskFactory;
import dev.caravan.connector.TaskStatus;
import dev.caravan.worker.delivery.Delivery;
import dev.caravan.worker.delivery.TaskWriter;
import dev.caravan.worker.delivery.TransactionClaim;
import dev.caravan.worker.status.ConnectorStatus.Part;
import dev.caravan.worker.status.ConnectorStatus.State;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import org.apache.camel.support.ExceptionHelper;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task on this worker, from the decision to start it to its release. It never starts again after
 * {@link #retire}.
 *
 * <p>{@link #restart} and {@link #release} must be called on the lifecycle thread. The other
 * methods are thread-safe, unless they say otherwise, and never block.
 */
final class ManagedTask {
  private static final Logger LOG = LoggerFactory.getLogger(ManagedTask.class);

  /**
   * The maximum number of characters of a trace, which is written to a topic and to REST responses.
   */
  private static final int MAX_TRACE = 16_384;

  private final TaskConfig config;
  private final long generation;
  private final TaskFactory factory;
  private final Delivery taskDelivery;
  private final TaskRestarts restarts;
  private final TransactionClaim claim = new TransactionClaim();
  private volatile boolean retired;
  private volatile @Nullable Task task;
  private volatile @Nullable TaskWriter writer;

  /** The writers of earlier runs whose records may still reach Kafka. */
  private final Set<TaskWriter> ended = ConcurrentHashMap.newKeySet();

  private CompletableFuture<Void> written = CompletableFuture.completedFuture(null);
  private volatile @Nullable Throwable startFailure;
  private volatile String restartDescription = "";
  private volatile boolean isRestarting;

  /**
   * Creates a task that is not started.
   *
   * @param generation the config generation of the task
   */
  ManagedTask(TaskConfig config, long generation, TaskFactory factory, Delivery taskDelivery) {
    this.config = config;
    this.generation = generation;
    this.factory = factory;
    this.taskDelivery = taskDelivery;
    this.restarts = new TaskRestarts(config.connector().restartPolicy());
  }

  /**
   * Starts the task when what it needs in Kafka exists. Does not block.
   *
   * @param lifecycle runs the steps that may block
   */
  void start(Executor lifecycle) {
    taskDelivery
        .prepare(config)
        .whenComplete((none, failure) -> lifecycle.execute(() -> start(failure)));
  }

  private void start(@Nullable Throwable unprepared) {
    if (retired) {
      return;
    }
    try {
      startFailure = null;
      if (unprepared != null) {
        throw new CompletionException(unprepared);
      }
      TaskWriter opened = taskDelivery.open(config, generation, claim);
      writer = opened;
      task = factory.start(config, opened.offsets());
      LOG.info("Task {} is started.", config.id());
    } catch (Throwable e) {
      // Every failure has to appear in the status of the task.
      startFailure = e;
      retireWriter();
      LOG.error("Task {} can't be started", config.id(), e);
    } finally {
      isRestarting = false;
    }
  }

  /**
   * Stops the task and starts it again.
   *
   * @param lifecycle runs the steps that may block; this method is called on its thread
   */
  void restart(Executor lifecycle) {
    TaskWriter current = writer;
    boolean isBroken = current != null && current.isBroken();
    stop();
    // Wait until the aborted producer is closed before another one sends anything.
    (isBroken ? written : CompletableFuture.<Void>completedFuture(null))
        .thenRun(() -> start(lifecycle));
  }

  /**
   * Returns whether the task has failed and its retry is due. The caller must then call {@link
   * #restart}. Called periodically, by one thread.
   */
  boolean isRestartDue(Instant now) {
    if (isRestarting) {
      return false;
    }
    TaskWriter current = writer;
    if (current != null && current.isBroken()) {
      LOG.info(
          "Restarting task {}, because records were discarded with their producer.", config.id());
      isRestarting = true;
      return true;
    }
    State state = state();
    if (state == State.FAILED) {
      restarts.failed(now);
    } else if (state == State.RUNNING) {
      restarts.running(now);
    }
    restartDescription = restarts.description();
    boolean due = restarts.isDue(now);
    if (due) {
      LOG.info("Restarting the failed task {}: {}", config.id(), restartDescription);
      restarts.restarted();
      isRestarting = true;
    }
    return due;
  }

  /**
   * Begins to drain the task, which is no longer wanted. The caller then calls {@link #release}.
   */
  void retire() {
    retired = true;
    Task current = task;
    if (current != null) {
      current.drain();
    }
  }

  private void stop() {
    Task stopped = task;
    if (stopped == null) {
      return;
    }
    try {
      stopped.close();
      LOG.info("Task {} is stopped.", config.id());
    } catch (Throwable e) {
      // The task must be released even if it could not be stopped.
      LOG.error("Task {} could not be stopped cleanly", config.id(), e);
    } finally {
      // Before the writer is retired, so that the failures of discarded records are not reported.
      task = null;
      retireWriter();
    }
  }

  private void retireWriter() {
    TaskWriter retired = writer;
    writer = null;
    if (retired != null) {
      ended.add(retired);
      written =
          CompletableFuture.allOf(
              written,
              taskDelivery.retire(retired).whenComplete((none, failure) -> ended.remove(retired)));
    }
  }

  /**
   * Stops the task for good.
   *
   * @return completes when no record and no offset of the task can reach Kafka any more
   */
  CompletableFuture<Void> release() {
    stop();
    ended.forEach(taskDelivery::release);
    return written;
  }

  private State state() {
    Task current = task;
    if (startFailure != null) {
      return State.FAILED;
    }
    if (current == null || isBroken()) {
      return State.UNASSIGNED;
    }
    return state(current.status());
  }

  private boolean isBroken() {
    TaskWriter current = writer;
    return current != null && current.isBroken();
  }

  private static State state(TaskStatus status) {
    return switch (status.state()) {
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
    if (current == null || isBroken()) {
      return new Part(State.UNASSIGNED, workerId, "");
    }
    TaskStatus status = current.status();
    Throwable error = status.error();
    State state = state(status);
    if (state == State.FAILED && error != null) {
      return failed(workerId, error);
    }
    TaskWriter writing = writer;
    String waiting = writing == null ? "" : writing.waiting();
    if (!waiting.isEmpty()) {
      return new Part(state, workerId, waiting);
    }
    return new Part(state, workerId, error == null ? "" : stackTrace(error));
  }

  private Part failed(String workerId, Throwable failure) {
    String restarts = restartDescription;
    String trace = stackTrace(failure);
    return new Part(State.FAILED, workerId, restarts.isEmpty() ? trace : restarts + "\n" + trace);
  }

  private static String stackTrace(Throwable error) {
    String trace = ExceptionHelper.stackTraceToString(error);
    return trace.length() > MAX_TRACE ? trace.substring(0, MAX_TRACE) + "..." : trace;
  }
}
