// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.util.BitSet;
import java.util.List;

/**
 * What the leader of the group sends one worker: its tasks, and which workers are alive. Which
 * other worker has which task is in the status topic only: an assignment of all tasks to all
 * workers would make the metadata of a large group too large for Kafka.
 *
 * @param configOffset how far the leader had read the config topic
 * @param workers ids of all workers that the leader can read
 * @param tasks of this worker, in the order of their generations
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

  /** The same without tasks: those of a worker that has lost its group. */
  MemberAssignment withoutTasks() {
    return new MemberAssignment(configOffset, workers, List.of());
  }
}
