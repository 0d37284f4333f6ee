// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.util.BitSet;
import java.util.List;

/**
 * What a worker tells the group about itself when it joins.
 *
 * @param workerId {@code host:port}, by which others know it
 * @param configOffset how far it has read the config topic
 * @param takesTasks whether it may have any; false while it stops those that it has
 * @param owned every task that exists on it, whether it starts, runs or is being stopped, of
 *     configurations that are no more, too: nobody else may run these
 */
record MemberState(String workerId, long configOffset, boolean takesTasks, List<OwnedTasks> owned) {
  /**
   * Tasks of one set that a worker has.
   *
   * @param connectorHash {@link String#hashCode} of the connector's name. Names would be long; that
   *     two have the same hash only makes the one wait for tasks of the other to stop
   * @param generation of the set
   * @param tasks their numbers
   */
  record OwnedTasks(int connectorHash, long generation, BitSet tasks) {}

  MemberState {
    owned = List.copyOf(owned);
  }
}
