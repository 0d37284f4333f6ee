// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.dcp.transport.netty.ChannelFlowController;

/**
 * Couchbase has lost a part of a vBucket's history, which was streamed already: what came after
 * {@link #toSeqno} did not happen. It comes before the changes that are streamed again from there.
 */
public final class DcpRollback extends DcpEvent {
  private final long fromSeqno;
  private final long oldVbuuid;
  private final long newVbuuid;

  DcpRollback(
      DcpSession session, Position position, long fromSeqno, long oldVbuuid, long newVbuuid) {
    super(session, ChannelFlowController.dummy, 0, position);
    this.fromSeqno = fromSeqno;
    this.oldVbuuid = oldVbuuid;
    this.newVbuuid = newVbuuid;
  }

  /** The last seqno that was streamed, or that was saved, of the lost history; unsigned. */
  public long fromSeqno() {
    return fromSeqno;
  }

  /** The last seqno that both histories have, unsigned; the stream goes on after it. */
  public long toSeqno() {
    return seqno();
  }

  /** The id of the history that was lost. */
  public long oldVbuuid() {
    return oldVbuuid;
  }

  /** The id of the history that the vBucket has now. */
  public long newVbuuid() {
    return newVbuuid;
  }

  @Override
  public int contentSize() {
    return 0;
  }
}
