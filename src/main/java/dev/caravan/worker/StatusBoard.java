// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.TaskConfig;
import dev.caravan.worker.Assignments.TaskKey;
import dev.caravan.worker.ConnectorStatus.Part;
import dev.caravan.worker.ConnectorStatus.State;
import dev.caravan.worker.GroupWork.Assigned;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * How connectors are doing. A worker knows that of its own tasks, and tells it to the others in the
 * status topic; of the others' tasks it believes what is there, if it is the word of the worker
 * that has the task now. So the tasks of a worker that is gone are seen to have nobody as soon as
 * the group knows, although nobody has written that down.
 *
 * <p>Not thread-safe: for the herder's thread.
 */
final class StatusBoard {
  private static final Duration TELL_AGAIN = Duration.ofSeconds(2);

  private final Supplier<String> workerId;
  private final StatusLog log;
  private final LocalTasks tasks;
  private Map<Subject, Told> told = new HashMap<>();

  /** What a status is of: a task, or without one the connector itself. */
  private record Subject(String connector, OptionalInt task) {}

  /** What was written of it, and when, as of {@link System#nanoTime}. */
  private record Told(Part part, long at) {}

  StatusBoard(Supplier<String> workerId, StatusLog log, LocalTasks tasks) {
    this.workerId = workerId;
    this.log = log;
    this.tasks = tasks;
  }

  /** How a connector is doing, wherever its tasks are. */
  ConnectorStatus of(Connector connector, TargetState target, Assigned assigned) {
    List<Part> parts = new ArrayList<>();
    if (target != TargetState.STOPPED) {
      connector.tasks().forEach(task -> parts.add(task(connector, task, target, assigned)));
    }
    return new ConnectorStatus(
        connector.name(), self(connector, target, assigned), List.copyOf(parts));
  }

  private Part self(Connector connector, TargetState target, Assigned assigned) {
    if (!connector.error().isEmpty()) {
      return connector.isForeign()
          ? new Part(State.UNASSIGNED, "", connector.error())
          : new Part(State.FAILED, workerId.get(), connector.error());
    }
    String owner = assigned.assignments().workerOf(new TaskKey(connector.generation(), 0));
    return new Part(
        switch (target) {
          case STOPPED -> State.STOPPED;
          case PAUSED -> State.PAUSED;
          case STARTED -> owner.isEmpty() ? State.UNASSIGNED : State.RUNNING;
        },
        owner,
        "");
  }

  private Part task(Connector connector, TaskConfig task, TargetState target, Assigned assigned) {
    TaskKey key = new TaskKey(connector.generation(), task.task());
    int owner = assigned.assignments().ownerOf(key);
    if (owner == Assignments.NOBODY) {
      return new Part(State.UNASSIGNED, "", "");
    }
    String worker = assigned.assignments().workers().get(owner);
    if (target == TargetState.PAUSED) {
      return new Part(State.PAUSED, worker, "");
    }
    if (owner == assigned.self()) {
      Part own = tasks.status(key, workerId.get());
      return own == null ? new Part(State.UNASSIGNED, worker, "") : own;
    }
    Part last = log.last(connector.name(), OptionalInt.of(task.task()));
    return last != null && last.workerId().equals(worker)
        ? last
        : new Part(State.UNASSIGNED, worker, "");
  }

  /**
   * Tells the other workers what has changed of this one's tasks; and once more if the topic says
   * something else all the same, as a worker that was suspended may have written after this one.
   */
  void tell(Collection<Connector> connectors, ConfigView view, Assigned assigned) {
    Map<Subject, Told> now = new HashMap<>();
    for (Connector connector : connectors) {
      TargetState target = view.targetState(connector.name());
      for (TaskConfig task : connector.tasks()) {
        TaskKey key = new TaskKey(connector.generation(), task.task());
        if (assigned.self() >= 0 && assigned.assignments().ownerOf(key) == assigned.self()) {
          Subject subject = new Subject(connector.name(), OptionalInt.of(task.task()));
          now.put(subject, tell(subject, task(connector, task, target, assigned), assigned));
          if (task.task() == 0) {
            Subject self = new Subject(connector.name(), OptionalInt.empty());
            now.put(self, tell(self, self(connector, target, assigned), assigned));
          }
        }
      }
    }
    told = now;
  }

  private Told tell(Subject subject, Part part, Assigned assigned) {
    Told before = told.get(subject);
    long now = System.nanoTime();
    if (before != null
        && part.equals(before.part())
        && (part.equals(log.last(subject.connector(), subject.task()))
            || now - before.at() < TELL_AGAIN.toNanos())) {
      return before;
    }
    log.write(new StatusRecord(subject.connector(), subject.task(), part, assigned.generation()));
    return new Told(part, now);
  }

  /** There is no such connector any more. */
  void forget(String connector) {
    forgetTasks(connector, 0);
    forget(connector, OptionalInt.empty());
  }

  /** The connector has no more tasks than that. */
  void forgetTasks(String connector, int count) {
    for (int task : log.tasksOf(connector)) {
      if (task >= count) {
        forget(connector, OptionalInt.of(task));
      }
    }
  }

  private void forget(String connector, OptionalInt task) {
    @Nullable Part last = log.last(connector, task);
    if (last != null) {
      log.write(new StatusRecord(connector, task, null, 0));
    }
  }
}
