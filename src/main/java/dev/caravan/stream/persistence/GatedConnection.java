// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.persistence;

import java.nio.channels.NotYetConnectedException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledExecutorService;

/**
 * A connection to a node that holds events back until they are persisted. Safe for use by several
 * threads.
 */
public interface GatedConnection {
  /**
   * The answer of a node to OBSERVE_SEQNO.
   *
   * @param vbuuid the current history of its copy
   * @param seqno the last one on its disk, unsigned
   */
  record Observed(long vbuuid, long seqno) {}

  /** The address of the node, as the cluster map has it. */
  String address();

  /** The connection's event loop. */
  ScheduledExecutorService executor();

  /**
   * Asks the node how far its copy of a vBucket is persisted.
   *
   * @param vbuuid a history that the copy has, now or before
   * @return fails if the node doesn't answer, or has no such copy or history; with a {@link
   *     NotYetConnectedException} if the connection is not open
   */
  CompletableFuture<Observed> observe(int vbucket, long vbuuid);

  /** Lets through the events of a vBucket that are persisted now. */
  void release(int vbucket);
}
