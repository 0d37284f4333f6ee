// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.worker.Assignments.TaskKey;
import dev.caravan.worker.MemberState.OwnedTasks;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongPredicate;

/**
 * What this worker has, as it must tell the group: the tasks that exist on it, and those that it
 * was given and may start at any moment. Thread-safe.
 */
final class TaskOwnership {
  private final Map<TaskKey, Integer> existing = new HashMap<>();
  private List<OwnedTasks> given = List.of();

  /** Of what was given, what is not decided upon. */
  private List<OwnedTasks> undecided = List.of();

  private long releases;
  private long toldReleases;

  /** The group has given tasks to this worker, instead of those that it gave before. */
  synchronized void given(List<OwnedTasks> tasks) {
    given = tasks;
    undecided = tasks;
  }

  /**
   * What was given last is decided upon. A generation that is not wanted any more never starts
   * here, and its successor waits for that.
   *
   * @param areStarted whether what is to be started of it exists; otherwise it may start later
   * @param isWanted whether a generation is wanted still
   */
  synchronized void decided(List<OwnedTasks> tasks, boolean areStarted, LongPredicate isWanted) {
    if (given.equals(tasks)) {
      List<OwnedTasks> wanted =
          undecided.stream().filter(set -> isWanted.test(set.generation())).toList();
      if (wanted.size() < undecided.size()) {
        releases++;
      }
      undecided = areStarted ? List.of() : wanted;
    }
  }

  /** A task exists, from before its start. */
  synchronized void add(TaskKey task, String connector) {
    existing.put(task, connector.hashCode());
  }

  /** Nothing of a task is left. */
  synchronized void release(TaskKey task) {
    existing.remove(task);
    releases++;
  }

  /** Whether a task exists, or may start at any moment. */
  synchronized boolean has(TaskKey task) {
    return existing.containsKey(task)
        || undecided.stream()
            .anyMatch(set -> set.generation() == task.generation() && set.tasks().get(task.task()));
  }

  /** What to tell the group now. */
  synchronized List<OwnedTasks> tell() {
    toldReleases = releases;
    Map<Long, OwnedTasks> sets = new TreeMap<>();
    existing.forEach(
        (task, connector) -> set(sets, connector, task.generation()).tasks().set(task.task()));
    for (OwnedTasks tasks : undecided) {
      set(sets, tasks.connectorHash(), tasks.generation()).tasks().or(tasks.tasks());
    }
    return new ArrayList<>(sets.values());
  }

  private static OwnedTasks set(Map<Long, OwnedTasks> sets, int connector, long generation) {
    return sets.computeIfAbsent(
        generation, key -> new OwnedTasks(connector, generation, new BitSet()));
  }

  /** Whether others could have tasks that the group takes for this worker's. */
  synchronized boolean hasReleased() {
    return releases != toldReleases;
  }
}
