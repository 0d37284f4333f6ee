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
 * A task from the moment it is decided on until it is gone. One that was retired never starts
 * again.
 *
 * <p>{@link #restart} and {@link #release} belong to the worker's lifecycle thread; the rest may be
 * called by any thread, unless it says otherwise, and never blocks.
 */
final class ManagedTask {
  private static final Logger LOG = LoggerFactory.getLogger(ManagedTask.class);

  /** Characters: it is written to a topic, and to all who ask. */
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

  /** Of runs that have ended, those whose records may still get to Kafka. */
  private final Set<TaskWriter> ended = ConcurrentHashMap.newKeySet();

  private CompletableFuture<Void> written = CompletableFuture.completedFuture(null);
  private volatile @Nullable Throwable startFailure;
  private volatile String story = "";
  private volatile boolean isRestarting;

  /**
   * @param generation of the set of tasks that this is one of
   */
  ManagedTask(TaskConfig config, long generation, TaskFactory factory, Delivery taskDelivery) {
    this.config = config;
    this.generation = generation;
    this.factory = factory;
    this.taskDelivery = taskDelivery;
    this.restarts = new TaskRestarts(config.connector().restartPolicy());
  }

  /**
   * Starts the task as soon as what it needs in Kafka is there. Returns at once.
   *
   * @param lifecycle runs what may block for a moment
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
      LOG.info("Task {} started", config.id());
    } catch (Throwable e) {
      // Whatever it is, a task that does not run says why.
      startFailure = e;
      retireWriter();
      LOG.error("Task {} can't be started", config.id(), e);
    } finally {
      isRestarting = false;
    }
  }

  /**
   * Stops the task and starts it once more.
   *
   * @param lifecycle runs what may block, on the thread that this is called on
   */
  void restart(Executor lifecycle) {
    TaskWriter current = writer;
    boolean isBroken = current != null && current.isBroken();
    stop();
    // A producer that was given up is closed before anything is sent through another one.
    (isBroken ? written : CompletableFuture.<Void>completedFuture(null))
        .thenRun(() -> start(lifecycle));
  }

  /**
   * Whether the task has failed and is to be started again now: {@link #restart} must follow then.
   * Asked regularly, by one thread.
   */
  boolean isRestartDue(Instant now) {
    if (isRestarting) {
      return false;
    }
    TaskWriter current = writer;
    if (current != null && current.isBroken()) {
      LOG.info(
          "Task {} is started again, since records were discarded with their producer",
          config.id());
      isRestarting = true;
      return true;
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

  /**
   * Says that the task is no longer wanted, so that it finishes already; {@link #release} follows.
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
      LOG.info("Task {} stopped", config.id());
    } catch (Throwable e) {
      // A task that could not be stopped must be released all the same.
      LOG.error("Task {} could not be stopped cleanly", config.id(), e);
    } finally {
      // First, so that nobody sees how a task ends whose records were discarded.
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
   * @return completes when nothing of it is left: no record and no offset can reach Kafka any more
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
    String told = story;
    String trace = stackTrace(failure);
    return new Part(State.FAILED, workerId, told.isEmpty() ? trace : told + "\n" + trace);
  }

  private static String stackTrace(Throwable error) {
    String trace = ExceptionHelper.stackTraceToString(error);
    return trace.length() > MAX_TRACE ? trace.substring(0, MAX_TRACE) + "..." : trace;
  }
}
