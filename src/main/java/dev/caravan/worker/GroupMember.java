// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.util.SortedMap;

/**
 * What a group asks of its member and tells it. Called on the thread that belongs to the group,
 * which none of these may block.
 */
interface GroupMember {
  /** What this worker has, at the moment when it joins. */
  MemberState join();

  /**
   * Shares out tasks; asked of the leader only.
   *
   * @param members all workers of the group by the ids that it has given them
   */
  Assignments assign(SortedMap<String, MemberState> members);

  /**
   * Everybody has joined, and this is who is to have what.
   *
   * @param self which of the workers this one is
   * @param generation of the group
   */
  void assigned(Assignments assignments, int self, int generation);

  /** Whether there is something to share out anew. Asked many times a second. */
  boolean wantsRebalance();

  /** The worker's lease has begun: the tasks that the group has given to it may run. */
  void leased();

  /** Others may have this worker's tasks: the lease is over, and they must stop. */
  void lost();

  /** The leader of the group has given this worker nothing that can be read. */
  void unreadable();

  /** This worker can't be in the group, ever. */
  void refused(RuntimeException reason);
}
