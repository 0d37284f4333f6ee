// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.worker.MemberState.OwnedTasks;
import java.util.ArrayList;
import java.util.BitSet;
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
 * @param shares who has the tasks of a set, by its generation
 */
record Assignments(long configOffset, List<String> workers, SortedMap<Long, Share> shares) {
  /** Where a task has no worker, since the one that it is to leave still has it. */
  static final int NOBODY = -1;

  static final Assignments NONE = new Assignments(0, List.of(), Collections.emptySortedMap());

  /**
   * The workers of one set's tasks.
   *
   * @param connectorHash as in {@link MemberState.OwnedTasks}
   * @param owners for each task the index of its worker, or {@link #NOBODY}
   */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares shares, and nobody changes them
  record Share(int connectorHash, int[] owners) {}

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
    shares = Collections.unmodifiableSortedMap(new TreeMap<>(shares));
  }

  /** The index of a task's worker, or {@link #NOBODY}. */
  int ownerOf(TaskKey key) {
    Share share = shares.get(key.generation());
    return share == null || key.task() >= share.owners().length
        ? NOBODY
        : share.owners()[key.task()];
  }

  /** The id of a task's worker, or an empty string. */
  String workerOf(TaskKey key) {
    int owner = ownerOf(key);
    return owner == NOBODY ? "" : workers.get(owner);
  }

  /** The tasks of a worker, oldest first. */
  List<OwnedTasks> tasksOf(int worker) {
    List<OwnedTasks> result = new ArrayList<>();
    shares.forEach(
        (generation, share) -> {
          BitSet tasks = new BitSet();
          for (int task = 0; task < share.owners().length; task++) {
            tasks.set(task, share.owners()[task] == worker);
          }
          if (!tasks.isEmpty()) {
            result.add(new OwnedTasks(share.connectorHash(), generation, tasks));
          }
        });
    return result;
  }
}
