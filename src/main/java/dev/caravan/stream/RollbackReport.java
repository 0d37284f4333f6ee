// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.dcp.state.FailoverLogEntry;
import dev.caravan.offset.Offset;
import java.util.List;

/**
 * What a refused stream request says about a vBucket, in words. Immutable.
 *
 * @param refused what was asked for
 * @param toSeqno where Couchbase sends us back to, unsigned
 * @param history the vBucket's failover log, the newest branch first
 */
record RollbackReport(
    String bucket, int vbucket, Offset refused, long toSeqno, List<FailoverLogEntry> history) {

  /** The id of the history that the vBucket has now. */
  long newVbuuid() {
    return history.get(0).getUuid();
  }

  /**
   * Whether nothing that was streamed is lost, but deletions after it were purged. Couchbase sends
   * such a client back to 0 even though it knows the place that was asked for (kv_engine,
   * docs/dcp/documentation/commands/stream-request.md).
   */
  boolean isPurge() {
    if (toSeqno != 0 || refused.bySeqno() == 0) {
      return false;
    }
    long end = -1;
    for (FailoverLogEntry branch : history) {
      if (branch.getUuid() == refused.vbuuid()) {
        return Long.compareUnsigned(refused.snapshotEndSeqno(), end) <= 0;
      }
      end = branch.getSeqno();
    }
    return false;
  }

  /** What happened, and what it means for those who have read what was streamed. */
  @Override
  public String toString() {
    String seqno = Long.toUnsignedString(refused.bySeqno());
    if (isPurge()) {
      return ("Couchbase has purged deletions in vBucket %d of bucket '%s' that came after seqno %s, the last"
              + " one that was read: it was not read for longer than the bucket's metadata purge interval."
              + " Documents deleted meanwhile are not told any more")
          .formatted(vbucket, bucket, seqno);
    }
    return "Couchbase rolled back vBucket %d of bucket '%s' from seqno %s (vbuuid %x) to seqno %s: later changes that were read are lost there"
        .formatted(vbucket, bucket, seqno, refused.vbuuid(), Long.toUnsignedString(toSeqno));
  }
}
