// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import java.util.BitSet;
import java.util.List;

/**
 * What a worker sends to the group about itself when it joins.
 *
 * @param workerId {@code host:port}, by which others know it
 * @param configOffset how far it has read the config topic
 * @param takesTasks whether it may have any; false while it stops those that it has
 * @param owned every task that exists on it, whether it starts, runs or is being stopped, and every
 *     task that was assigned to it and that it may start at any moment, such as a paused one; also
 *     those of configurations that were replaced: no other worker may run these
 */
public record MemberState(
    String workerId, long configOffset, boolean takesTasks, List<OwnedTasks> owned) {
  /**
   * Tasks of one set that a worker has.
   *
   * @param connectorHash see {@link MemberState#hash}
   * @param generation of the set
   * @param tasks their numbers
   */
  public record OwnedTasks(int connectorHash, long generation, BitSet tasks) {}

  public MemberState {
    owned = List.copyOf(owned);
  }

  /**
   * What stands for a connector's name in the metadata of the group, where names would be too long:
   * 16 bits. If two connectors have the same hash, new tasks of the one wait until the old tasks of
   * the other have stopped, and nothing else happens.
   */
  public static int hash(String connector) {
    int hash = connector.hashCode();
    return (hash ^ (hash >>> Character.SIZE)) & Character.MAX_VALUE;
  }

  /** The same worker, which takes no tasks. */
  MemberState withoutTaking() {
    return new MemberState(workerId, configOffset, false, owned);
  }
}
