// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.rollback;

import dev.caravan.offset.Offset;
import org.jspecify.annotations.Nullable;

/**
 * Describes the rollback that a refused stream request demands. Immutable.
 *
 * @param refused what was asked for
 * @param toSeqno where Couchbase sends us back to, unsigned
 * @param history that the vBucket has now
 */
public record RollbackReport(
    String bucket, int vbucket, Offset refused, long toSeqno, FailoverHistory history) {

  /**
   * Whether nothing that was published is lost, but deletions after it were purged. Couchbase sends
   * such a client back to 0 even though it knows the place that was asked for (kv_engine,
   * docs/dcp/documentation/commands/stream-request.md).
   */
  public boolean isPurge() {
    Long common = commonSeqno();
    return toSeqno == 0
        && refused.bySeqno() != 0
        && common != null
        && Long.compareUnsigned(refused.snapshotEndSeqno(), common) <= 0;
  }

  /** Whether changes that were published may be lost, or deletions that were not. */
  public boolean mayHaveLost() {
    Long common = commonSeqno();
    return isPurge() || common == null || Long.compareUnsigned(refused.bySeqno(), common) > 0;
  }

  private @Nullable Long commonSeqno() {
    return FailoverHistory.of(refused.vbuuid()).commonSeqno(history);
  }

  /** Describes the rollback and its effect on the changes that were already streamed. */
  @Override
  public String toString() {
    String seqno = Long.toUnsignedString(refused.bySeqno());
    if (isPurge()) {
      return ("Couchbase has purged deletions in vBucket %d of bucket '%s' that came after seqno"
              + " %s, the last one that was read: it was not read for longer than the bucket's"
              + " metadata purge interval. The deletions since then can't be published any"
              + " more")
          .formatted(vbucket, bucket, seqno);
    }
    return "Couchbase rolled back vBucket %d of bucket '%s' from seqno %s (vbuuid %x) to seqno %s: %s"
        .formatted(
            vbucket,
            bucket,
            seqno,
            refused.vbuuid(),
            Long.toUnsignedString(toSeqno),
            mayHaveLost()
                ? "later changes that were published may be lost there"
                : "changes that were superseded before they were read may count again");
  }
}
