// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import java.util.BitSet;
import java.util.List;

/**
 * The state that a worker sends to the group when it joins.
 *
 * @param workerId the {@code host:port} of the worker
 * @param configOffset the offset up to which it has read the config topic
 * @param takesTasks whether tasks may be assigned to it; false while it stops its tasks
 * @param owned the tasks that no other worker may run: those that are starting, running or stopping
 *     on it, and those that are assigned to it and may start at any time, such as paused ones; also
 *     of replaced configurations
 */
public record MemberState(
    String workerId, long configOffset, boolean takesTasks, List<OwnedTasks> owned) {
  /**
   * The tasks of one config generation that a worker has.
   *
   * @param connectorHash see {@link MemberState#hash}
   * @param generation the config generation
   * @param tasks the task numbers
   */
  public record OwnedTasks(int connectorHash, long generation, BitSet tasks) {}

  public MemberState {
    owned = List.copyOf(owned);
  }

  /**
   * Returns the 16-bit hash that replaces a connector's name in the group metadata, where names
   * would be too long. If two connectors have the same hash, new tasks of one wait until the old
   * tasks of the other have stopped. There is no other effect.
   */
  public static int hash(String connector) {
    int hash = connector.hashCode();
    return (hash ^ (hash >>> Character.SIZE)) & Character.MAX_VALUE;
  }

  /** Returns this state of a worker that takes no tasks. */
  MemberState withoutTaking() {
    return new MemberState(workerId, configOffset, false, owned);
  }
}
