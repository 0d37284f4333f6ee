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
 * The assignment of all tasks, as the leader of the group computed it. Only the leader has it.
 * Immutable; the owner arrays must not be changed.
 *
 * @param configOffset the offset up to which the leader had read the config topic
 * @param workers the worker ids, in the order of their member ids
 * @param shares the owners of the tasks, by config generation
 * @param claims the tasks that workers claimed when they joined, by config generation; also of
 *     generations that are no longer desired
 */
public record Assignments(
    long configOffset,
    List<String> workers,
    SortedMap<Long, Share> shares,
    Map<Long, BitSet> claims) {
  /** Marks a task without an owner, for example because another worker has not released it yet. */
  static final int NOBODY = -1;

  /**
   * The owners of the tasks of one generation.
   *
   * @param connectorHash see {@link MemberState#hash}
   * @param owners the index of the owning worker per task, or {@link #NOBODY}
   */
  @SuppressWarnings("ArrayRecordComponent") // shares are neither compared nor changed
  record Share(int connectorHash, int[] owners) {}

  /** Identifies a task of a config generation. */
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

  /** Returns whether a task is assigned to a worker, or was claimed by one that joined. */
  boolean hasWorker(TaskKey key) {
    Share share = shares.get(key.generation());
    BitSet claimed = claims.get(key.generation());
    boolean isAssigned =
        share != null && key.task() < share.owners().length && share.owners()[key.task()] != NOBODY;
    return isAssigned || (claimed != null && claimed.get(key.task()));
  }

  /** Returns the assignment of one worker, as the leader sends it. */
  MemberAssignment of(int worker) {
    return new MemberAssignment(configOffset, workers, tasksOf(worker));
  }

  /** Returns the tasks of a worker, by ascending config generation. */
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
