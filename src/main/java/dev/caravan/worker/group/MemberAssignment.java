// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.util.BitSet;
import java.util.List;

/**
 * The assignment that the leader sends to one worker: its own tasks, and the live workers. The
 * owners of other tasks are only in the status topic, because the group metadata would be too large
 * with all tasks for all workers.
 *
 * @param configOffset the offset up to which the leader had read the config topic
 * @param workers the ids of all workers that the leader can read
 * @param tasks the tasks of this worker, by ascending config generation
 */
public record MemberAssignment(long configOffset, List<String> workers, List<OwnedTasks> tasks) {
  static final MemberAssignment NONE = new MemberAssignment(0, List.of(), List.of());

  public MemberAssignment {
    workers = List.copyOf(workers);
    tasks = List.copyOf(tasks);
  }

  boolean has(TaskKey key) {
    return tasksOf(key.generation()).get(key.task());
  }

  private BitSet tasksOf(long generation) {
    int low = 0;
    int high = tasks.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      OwnedTasks found = tasks.get(middle);
      if (found.generation() == generation) {
        return found.tasks();
      }
      if (found.generation() < generation) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return new BitSet(0);
  }

  /** Returns this assignment without tasks, for a worker that has lost its group. */
  MemberAssignment withoutTasks() {
    return new MemberAssignment(configOffset, workers, List.of());
  }
}
