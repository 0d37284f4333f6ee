// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import java.util.Set;
import java.util.SortedMap;

/**
 * What a group asks of its member, and what it decides for it. Called on the thread that belongs to
 * the group, which none of these may block.
 */
public interface RebalanceListener {
  /** What this worker has, at the moment when it joins. */
  MemberState memberState();

  /**
   * Assigns tasks; asked of the leader only.
   *
   * @param members the workers of the group by the ids that it has given them
   * @param unreadable the ids of members whose state can't be read
   */
  Assignments assign(SortedMap<String, MemberState> members, Set<String> unreadable);

  /**
   * What the group has assigned to this worker.
   *
   * @param memberId by which the group knows this worker
   * @param generation of the group
   */
  void onAssigned(MemberAssignment assignment, String memberId, int generation);

  /** Whether the tasks must be assigned once more. Asked many times a second. */
  boolean needsRebalance();

  /** The worker's lease has begun: the tasks that the group has given to it may run. */
  void onLeaseStarted();

  /** Others may have this worker's tasks: the lease is over, and they must stop. */
  void onLost();

  /** The leader of the group has given this worker nothing that can be read. */
  void onUnreadableAssignment();

  /** This worker can't be in the group, ever. */
  void onFatalError(RuntimeException reason);
}
