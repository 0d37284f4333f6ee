// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Which worker has which task, as the leader of the group has decided. Every worker gets all of it.
 * Not to be changed once made.
 *
 * @param configOffset how far the leader had read the config topic
 * @param workers ids of the workers
 * @param owners for each generation, for each of its tasks the index of its worker, or {@link
 *     #NOBODY}
 */
record Assignments(long configOffset, List<String> workers, SortedMap<Long, int[]> owners) {
  /** Where a task has no worker, since the one that it is to leave still has it. */
  static final int NOBODY = -1;

  static final Assignments NONE = new Assignments(0, List.of(), Collections.emptySortedMap());

  /** A task of a set. */
  record TaskKey(long generation, int task) implements Comparable<TaskKey> {
    @Override
    public int compareTo(TaskKey other) {
      return generation == other.generation
          ? Integer.compare(task, other.task)
          : Long.compare(generation, other.generation);
    }
  }

  Assignments {
    workers = List.copyOf(workers);
    owners = Collections.unmodifiableSortedMap(new TreeMap<>(owners));
  }

  /** The index of a task's worker, or {@link #NOBODY}. */
  int ownerOf(TaskKey key) {
    int[] tasks = owners.get(key.generation());
    return tasks == null || key.task() >= tasks.length ? NOBODY : tasks[key.task()];
  }

  /** The id of a task's worker, or an empty string. */
  String workerOf(TaskKey key) {
    int owner = ownerOf(key);
    return owner == NOBODY ? "" : workers.get(owner);
  }

  /** The tasks of a worker, oldest first. */
  List<TaskKey> tasksOf(int worker) {
    List<TaskKey> result = new ArrayList<>();
    owners.forEach(
        (generation, tasks) -> {
          for (int task = 0; task < tasks.length; task++) {
            if (tasks[task] == worker) {
              result.add(new TaskKey(generation, task));
            }
          }
        });
    return result;
  }
}
