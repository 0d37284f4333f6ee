// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.worker.config.ConfigSnapshot;
import dev.caravan.worker.config.Connector;
import dev.caravan.worker.config.TargetState;
import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import dev.caravan.worker.group.WorkerCoordinator.CurrentAssignment;
import dev.caravan.worker.status.ConnectorStatus;
import dev.caravan.worker.status.ConnectorStatus.Part;
import dev.caravan.worker.status.ConnectorStatus.State;
import dev.caravan.worker.status.StatusRecord;
import dev.caravan.worker.status.StatusTopic;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Computes the status of connectors, and publishes the status of this worker's tasks in the status
 * topic. The status of another worker's task is its latest record, if that names a live worker and
 * the current config generation. So the tasks of a failed worker are UNASSIGNED as soon as the
 * group has removed it, although no worker writes that.
 *
 * <p>A worker corrects outdated records that name it: those of released tasks, and those of tasks
 * that it had before a restart.
 *
 * <p>Not thread-safe: for the herder thread.
 */
final class StatusPublisher {
  private static final Duration WRITE_AGAIN = Duration.ofSeconds(2);
  private static final Part UNASSIGNED = new Part(State.UNASSIGNED, "", "");

  private final Supplier<String> workerId;
  private final StatusTopic statusTopic;
  private final LocalTasks tasks;
  private Map<Subject, Written> written = new HashMap<>();
  private Map<Subject, Written> corrected = new HashMap<>();

  /** The subject of a status: a task, or the connector itself if there is no task. */
  private record Subject(String connector, OptionalInt task) {}

  /** A published status, and the {@link System#nanoTime} of its record. */
  private record Written(@Nullable Part part, long configGeneration, long at) {}

  StatusPublisher(Supplier<String> workerId, StatusTopic statusTopic, LocalTasks tasks) {
    this.workerId = workerId;
    this.statusTopic = statusTopic;
    this.tasks = tasks;
  }

  /** Returns the status of a connector and all of its tasks. */
  ConnectorStatus of(Connector connector, TargetState target, CurrentAssignment assigned) {
    List<Part> parts = new ArrayList<>();
    if (target != TargetState.STOPPED) {
      connector.tasks().forEach(task -> parts.add(task(connector, task.task(), target, assigned)));
    }
    return new ConnectorStatus(
        connector.name(), self(connector, target, assigned), List.copyOf(parts));
  }

  private Part self(Connector connector, TargetState target, CurrentAssignment assigned) {
    if (!connector.error().isEmpty()) {
      return connector.isUnsupportedClass()
          ? new Part(State.UNASSIGNED, "", connector.error())
          : new Part(State.FAILED, workerId.get(), connector.error());
    }
    if (target == TargetState.STOPPED) {
      return new Part(State.STOPPED, "", "");
    }
    String owner =
        assigned.has(new TaskKey(connector.generation(), 0))
            ? workerId.get()
            : last(connector, OptionalInt.empty(), assigned).workerId();
    if (target == TargetState.PAUSED) {
      return new Part(State.PAUSED, owner, "");
    }
    return owner.isEmpty() ? UNASSIGNED : new Part(State.RUNNING, owner, "");
  }

  private Part task(Connector connector, int task, TargetState target, CurrentAssignment assigned) {
    TaskKey key = new TaskKey(connector.generation(), task);
    if (assigned.has(key)) {
      return own(key, target);
    }
    // The task may be stopping on this worker, because it moves to another one.
    Part stopping = tasks.status(key, workerId.get());
    if (stopping != null) {
      return stopping;
    }
    Part last = last(connector, OptionalInt.of(task), assigned);
    if (last.workerId().isEmpty()) {
      return UNASSIGNED;
    }
    boolean isPaused = target == TargetState.PAUSED;
    return isPaused == (last.state() == State.PAUSED)
        ? last
        : new Part(isPaused ? State.PAUSED : State.UNASSIGNED, last.workerId(), "");
  }

  private Part own(TaskKey key, TargetState target) {
    if (target == TargetState.PAUSED) {
      return new Part(State.PAUSED, workerId.get(), "");
    }
    Part own = tasks.status(key, workerId.get());
    return own == null ? new Part(State.UNASSIGNED, workerId.get(), "") : own;
  }

  /** Returns the latest status that another live worker has published. */
  private Part last(Connector connector, OptionalInt task, CurrentAssignment assigned) {
    StatusRecord record = statusTopic.latest(connector.name(), task);
    Part last = record == null ? null : record.status();
    return record != null
            && last != null
            && record.configGeneration() == connector.generation()
            && assigned.isAlive(last.workerId())
            && !last.workerId().equals(workerId.get())
        ? last
        : UNASSIGNED;
  }

  /**
   * Publishes the changed statuses of this worker's tasks. Publishes a status again if the topic
   * has another record after 2 s, for example from a worker that was suspended.
   *
   * @param connectors the connectors, by config generation
   */
  void publish(
      Map<Long, Connector> connectors, ConfigSnapshot snapshot, CurrentAssignment assigned) {
    Map<Subject, Written> now = new HashMap<>();
    for (OwnedTasks set : assigned.own()) {
      Connector connector = connectors.get(set.generation());
      if (connector == null || snapshot.targetState(connector.name()) == TargetState.STOPPED) {
        continue;
      }
      TargetState target = snapshot.targetState(connector.name());
      set.tasks().stream()
          .filter(task -> task < connector.tasks().size())
          .forEach(
              task -> {
                Subject subject = new Subject(connector.name(), OptionalInt.of(task));
                Part part = task(connector, task, target, assigned);
                now.put(subject, write(subject, part, connector.generation(), assigned, written));
                if (task == 0) {
                  Subject self = new Subject(connector.name(), OptionalInt.empty());
                  Part its = self(connector, target, assigned);
                  now.put(self, write(self, its, connector.generation(), assigned, written));
                }
              });
    }
    written = now;
  }

  /**
   * Corrects the records that name this worker for tasks that it does not have. Leaves the records
   * of Kafka Connect as they are.
   *
   * @param connectors the connectors, by name
   * @param assigned the assignment, without the tasks that may not run
   */
  void correct(Map<String, Connector> connectors, CurrentAssignment assigned) {
    if (!assigned.isAlive(workerId.get())) {
      // This worker has not joined yet.
      return;
    }
    Map<Subject, Written> now = new HashMap<>();
    for (StatusRecord record : statusTopic.recordsNaming(workerId.get())) {
      long generation = record.configGeneration();
      TaskKey key = new TaskKey(generation, record.task().orElse(0));
      if (generation == StatusRecord.NONE
          || assigned.has(key)
          || tasks.status(key, workerId.get()) != null) {
        continue;
      }
      Subject subject = new Subject(record.connector(), record.task());
      Connector connector = connectors.get(record.connector());
      boolean isThere =
          connector != null && (record.task().isEmpty() || key.task() < connector.tasks().size());
      Part part = isThere ? UNASSIGNED : null;
      now.put(subject, write(subject, part, generation, assigned, corrected));
    }
    corrected = now;
  }

  private Written write(
      Subject subject,
      @Nullable Part part,
      long configGeneration,
      CurrentAssignment assigned,
      Map<Subject, Written> earlier) {
    Written before = earlier.get(subject);
    long now = System.nanoTime();
    if (before != null
        && Objects.equals(part, before.part())
        && configGeneration == before.configGeneration()
        && (isLast(subject, part, configGeneration) || now - before.at() < WRITE_AGAIN.toNanos())) {
      return before;
    }
    statusTopic.write(
        new StatusRecord(
            subject.connector(),
            subject.task(),
            part,
            assigned.groupGeneration(),
            configGeneration));
    return new Written(part, configGeneration, now);
  }

  private boolean isLast(Subject subject, @Nullable Part part, long configGeneration) {
    StatusRecord last = statusTopic.latest(subject.connector(), subject.task());
    return last == null
        ? part == null
        : Objects.equals(part, last.status()) && last.configGeneration() == configGeneration;
  }

  /** Deletes the records of a deleted connector. */
  void forget(String connector) {
    forgetTasks(connector, 0);
    forget(connector, OptionalInt.empty());
  }

  /** Deletes the records of the tasks from a number on. */
  void forgetTasks(String connector, int count) {
    for (int task : statusTopic.tasksOf(connector)) {
      if (task >= count) {
        forget(connector, OptionalInt.of(task));
      }
    }
  }

  private void forget(String connector, OptionalInt task) {
    if (statusTopic.latest(connector, task) != null) {
      statusTopic.write(new StatusRecord(connector, task, null, 0, StatusRecord.NONE));
    }
  }
}
