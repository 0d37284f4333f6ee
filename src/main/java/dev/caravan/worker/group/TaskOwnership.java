// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongPredicate;

/**
 * What this worker claims when it joins the group: the tasks that exist on it, and those that were
 * assigned to it and that it may start at any moment, paused ones among them. A task is claimed
 * from its assignment until its release, and only an assignment without the task, a new
 * configuration or a lost group releases it. Thread-safe.
 */
public final class TaskOwnership {
  private final Map<TaskKey, Integer> existing = new HashMap<>();

  /** The last assignment. */
  private List<OwnedTasks> assigned = List.of();

  /** Of the assignment that decides at present what is started, what is wanted still. */
  private List<OwnedTasks> applied = List.of();

  /** Whether the last assignment is the one that decides. */
  private boolean isApplied = true;

  private Map<Long, OwnedTasks> claimed = Map.of();
  private boolean mayHaveReleased;

  /** The group has assigned these tasks to this worker, instead of those before. */
  synchronized void onAssigned(List<OwnedTasks> tasks) {
    assigned = tasks;
    isApplied = false;
  }

  /**
   * An assignment decides now what is started, and no earlier one.
   *
   * @param isWanted whether a generation is wanted still; one that is not never starts here, and
   *     its successor waits for its release
   */
  public synchronized void onApplied(List<OwnedTasks> tasks, LongPredicate isWanted) {
    isApplied = assigned.equals(tasks);
    applied = tasks.stream().filter(set -> isWanted.test(set.generation())).toList();
    mayHaveReleased = true;
  }

  /** The worker has lost its group, nothing exists on it, and it starts nothing of before. */
  synchronized void clear() {
    assigned = List.of();
    applied = List.of();
    isApplied = true;
    mayHaveReleased = true;
  }

  /** A task exists, from before its start. */
  public synchronized void add(TaskKey task, String connector) {
    existing.put(task, MemberState.hash(connector));
  }

  /** Nothing of a task is left on this worker, which may start it again if it is still assigned. */
  public synchronized void release(TaskKey task) {
    existing.remove(task);
    mayHaveReleased = true;
  }

  /** Whether a task exists on this worker. */
  synchronized boolean has(TaskKey task) {
    return existing.containsKey(task);
  }

  /** What to claim in the group now. */
  public synchronized List<OwnedTasks> claimedTasks() {
    claimed = claims();
    mayHaveReleased = false;
    return new ArrayList<>(claimed.values());
  }

  private Map<Long, OwnedTasks> claims() {
    Map<Long, OwnedTasks> sets = new TreeMap<>();
    existing.forEach(
        (task, connector) -> set(sets, connector, task.generation()).tasks().set(task.task()));
    for (List<OwnedTasks> held : List.of(applied, isApplied ? applied : assigned)) {
      for (OwnedTasks tasks : held) {
        set(sets, tasks.connectorHash(), tasks.generation()).tasks().or(tasks.tasks());
      }
    }
    return sets;
  }

  private static OwnedTasks set(Map<Long, OwnedTasks> sets, int connector, long generation) {
    return sets.computeIfAbsent(
        generation, key -> new OwnedTasks(connector, generation, new BitSet()));
  }

  /** Whether others could have tasks that this worker has claimed. */
  synchronized boolean hasReleased() {
    if (mayHaveReleased) {
      Map<Long, OwnedTasks> now = claims();
      // It stays true until the worker joins again.
      mayHaveReleased = claimed.values().stream().anyMatch(before -> !isWithin(before, now));
    }
    return mayHaveReleased;
  }

  private static boolean isWithin(OwnedTasks before, Map<Long, OwnedTasks> now) {
    BitSet missing = (BitSet) before.tasks().clone();
    OwnedTasks left = now.get(before.generation());
    if (left != null) {
      missing.andNot(left.tasks());
    }
    return missing.isEmpty();
  }
}
