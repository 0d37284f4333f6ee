// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Which worker has which task, as the leader of the group has decided. The leader alone knows all
 * of it. Not to be changed once made.
 *
 * @param configOffset how far the leader had read the config topic
 * @param workers ids of the workers, in the order of their member ids
 * @param shares the workers of the tasks of a set, by its generation
 * @param claims the tasks that workers had when they joined, by generation, also of sets that are
 *     no longer wanted
 */
public record Assignments(
    long configOffset,
    List<String> workers,
    SortedMap<Long, Share> shares,
    Map<Long, BitSet> claims) {
  /** Where a task has no worker, since the one that it is to leave still has it. */
  static final int NOBODY = -1;

  /**
   * The workers of one set's tasks.
   *
   * @param connectorHash see {@link MemberState#hash}
   * @param owners for each task the index of its worker, or {@link #NOBODY}
   */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares shares, and nobody changes them
  record Share(int connectorHash, int[] owners) {}

  /** A task of a set. */
  public record TaskKey(long generation, int task) implements Comparable<TaskKey> {
    @Override
    public int compareTo(TaskKey other) {
      return generation == other.generation
          ? Integer.compare(task, other.task)
          : Long.compare(generation, other.generation);
    }
  }

  public Assignments {
    workers = List.copyOf(workers);
    shares = Collections.unmodifiableSortedMap(new TreeMap<>(shares));
    claims = Map.copyOf(claims);
  }

  /** Whether a worker is to have a task, or had it when it joined. */
  boolean hasWorker(TaskKey key) {
    Share share = shares.get(key.generation());
    BitSet claimed = claims.get(key.generation());
    boolean isAssigned =
        share != null && key.task() < share.owners().length && share.owners()[key.task()] != NOBODY;
    return isAssigned || (claimed != null && claimed.get(key.task()));
  }

  /** What the leader sends to a worker. */
  MemberAssignment of(int worker) {
    return new MemberAssignment(configOffset, workers, tasksOf(worker));
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
