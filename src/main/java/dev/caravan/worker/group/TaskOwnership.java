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
 * The tasks that this worker claims when it joins the group: those that exist on it, and those that
 * are assigned to it and may start at any time, such as paused ones. A task is claimed from its
 * assignment to its release. It is released only after an assignment without it, after a new
 * configuration, or after the loss of the group. Thread-safe.
 */
public final class TaskOwnership {
  private final Map<TaskKey, Integer> existing = new HashMap<>();

  /** The tasks of the latest assignment. */
  private List<OwnedTasks> assigned = List.of();

  /** The tasks of the applied assignment whose config generation is still desired. */
  private List<OwnedTasks> applied = List.of();

  /** Whether the latest assignment is the applied one. */
  private boolean isApplied = true;

  private Map<Long, OwnedTasks> claimed = Map.of();
  private boolean mayHaveReleased;

  /** Stores a new assignment, which is not applied yet. */
  synchronized void onAssigned(List<OwnedTasks> tasks) {
    assigned = tasks;
    isApplied = false;
  }

  /**
   * Applies an assignment: only its tasks may start from now on.
   *
   * @param isWanted tests whether a config generation is still desired. Tasks of others never start
   *     here, and their successors wait for the release
   */
  public synchronized void onApplied(List<OwnedTasks> tasks, LongPredicate isWanted) {
    isApplied = assigned.equals(tasks);
    applied = tasks.stream().filter(set -> isWanted.test(set.generation())).toList();
    mayHaveReleased = true;
  }

  /**
   * Releases everything after the loss of the group. No task may exist, and none of the earlier
   * assignments may start any more.
   */
  synchronized void clear() {
    assigned = List.of();
    applied = List.of();
    isApplied = true;
    mayHaveReleased = true;
  }

  /** Adds a task, before it starts. */
  public synchronized void add(TaskKey task, String connector) {
    existing.put(task, MemberState.hash(connector));
  }

  /** Releases a task that has stopped. It may start again if it is still assigned. */
  public synchronized void release(TaskKey task) {
    existing.remove(task);
    mayHaveReleased = true;
  }

  /** Returns whether a task exists on this worker. */
  synchronized boolean has(TaskKey task) {
    return existing.containsKey(task);
  }

  /** Returns the tasks to claim with the next join. */
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

  /** Returns whether the worker no longer needs some of the tasks that it claimed. */
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
