// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import java.util.Set;
import java.util.SortedMap;

/**
 * The worker's part in a rebalance of its group. Called on the thread that polls the group; no
 * method may block.
 */
public interface RebalanceListener {
  /** Returns what this worker has, at the time when it joins. */
  MemberState memberState();

  /**
   * Assigns tasks to all members. Called on the leader only.
   *
   * @param members the states of the workers, by member id
   * @param unreadable the ids of the members whose state can't be read
   */
  Assignments assign(SortedMap<String, MemberState> members, Set<String> unreadable);

  /**
   * Handles an assignment to this worker.
   *
   * @param memberId the member id of this worker
   * @param groupGeneration the group generation
   */
  void onAssigned(MemberAssignment assignment, String memberId, int groupGeneration);

  /** Returns whether this worker needs a rebalance. Called several times a second. */
  boolean needsRebalance();

  /** Handles the begin of the worker's lease: the assigned tasks may run. */
  void onLeaseStarted();

  /** Handles the end of the lease: others may have the tasks, which must stop. */
  void onLost();

  /** Handles an assignment that this worker can't read. */
  void onUnreadableAssignment();

  /** Handles an error after which this worker can't be in the group. */
  void onFatalError(RuntimeException reason);
}
