// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.change;

import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.offset.Offset;
import dev.caravan.stream.progress.Position;

/**
 * Couchbase had to go back in a vBucket's history, because it has lost a part of it that was
 * published. It comes when everything up to there was read again, after what was published again.
 * Only the node knows where that is: what is newer than the rollback may come before it, if it
 * arrives before the node's answer.
 */
public final class DcpRollback extends DcpEvent {
  private final Offset refused;
  private final long newVbuuid;
  private final int lost;

  /**
   * @param refused the offset that Couchbase refused
   */
  public DcpRollback(
      EventSource source, Position position, Offset refused, long newVbuuid, int lost) {
    super(source, ChannelFlowController.dummy, 0, position);
    this.refused = refused;
    this.newVbuuid = newVbuuid;
    this.lost = lost;
  }

  /** The last seqno that was published of the history that Couchbase refused; unsigned. */
  public long fromSeqno() {
    return refused.bySeqno();
  }

  /** The seqno after which the vBucket was read again, unsigned. */
  public long toSeqno() {
    return seqno();
  }

  /** The id of the history that Couchbase refused. */
  public long oldVbuuid() {
    return refused.vbuuid();
  }

  /** The id of the history that the vBucket has now. */
  public long newVbuuid() {
    return newVbuuid;
  }

  /**
   * How many published changes Couchbase has lost: they are not part of its history any more. Exact
   * if no more than the last few hundred changes of the vBucket are concerned; else at least as
   * many.
   */
  public int lost() {
    return lost;
  }

  @Override
  public int contentSize() {
    return 0;
  }
}
