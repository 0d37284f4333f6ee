// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.rollback;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.offset.Offset;
import dev.caravan.stream.rollback.FailoverHistory.Branch;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What a ROLLBACK answer means, by the rules that a real node was seen to follow (couchbase-kv,
 * answers-durability-purge "tombstone purge -> rollback to 0", and answers-protocol).
 */
@Tag("unit")
class RollbackReportTest {
  private static final long OLD = 0xcf09c7f13b63L;
  private static final long NEW = 0x1234567890L;

  /** The history OLD went up to seqno 100, where NEW began. */
  private static final FailoverHistory FAILED_OVER =
      new FailoverHistory(List.of(new Branch(NEW, 100), new Branch(OLD, 0)));

  private static final FailoverHistory UNCHANGED = new FailoverHistory(List.of(new Branch(OLD, 0)));

  private static RollbackReport report(
      long vbuuid, long seqno, long snapshotEnd, long to, FailoverHistory history) {
    return new RollbackReport(
        "travel", 3, new Offset(vbuuid, seqno, seqno, snapshotEnd, 0), to, history);
  }

  @Test
  void aPlaceThatTheServerKnowsAndStillSendsBackTo0WasBeforeAPurge() {
    assertThat(report(OLD, 20, 20, 0, UNCHANGED).isPurge()).isTrue();
    assertThat(report(OLD, 20, 20, 0, FAILED_OVER).isPurge()).isTrue();
    assertThat(report(OLD, 20, 20, 0, UNCHANGED))
        .hasToString(
            "Couchbase has purged deletions in vBucket 3 of bucket 'travel' that came after seqno"
                + " 20, the last one that was read: it was not read for longer than the bucket's"
                + " metadata purge interval. The deletions since then can't be published any more");
  }

  @Test
  void aHistoryThatTheServerDoesNotKnowIsLost() {
    assertThat(report(77, 20, 20, 0, UNCHANGED).isPurge()).isFalse();
  }

  @Test
  void aSnapshotThatGoesBeyondWhereTheHistoryEndedIsLostInPart() {
    RollbackReport lost = report(OLD, 110, 120, 100, FAILED_OVER);

    assertThat(lost.isPurge()).isFalse();
    assertThat(lost.mayHaveLost()).isTrue();
    assertThat(lost)
        .hasToString(
            "Couchbase rolled back vBucket 3 of bucket 'travel' from seqno 110 (vbuuid"
                + " cf09c7f13b63) to seqno 100: later changes that were published may be lost"
                + " there");
    assertThat(report(OLD, 20, 120, 0, FAILED_OVER).isPurge()).isFalse();
  }
}
