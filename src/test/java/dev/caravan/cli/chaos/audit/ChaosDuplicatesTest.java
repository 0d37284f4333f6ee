// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.chaos.audit.ChaosOutage.OutageKind;
import dev.caravan.cli.chaos.audit.ChaosTopic.AuditedRecord;
import dev.caravan.cli.chaos.audit.ChaosWrite.Identity;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The records that each fault may repeat with at_least_once. */
@Tag("unit")
class ChaosDuplicatesTest {
  private static final String CONNECTOR = "c";
  private static final long FAULT = 100_000;

  private final ChaosCommits commits = new ChaosCommits();
  private final List<ChaosOutage> outages = new ArrayList<>();
  private final List<Long> branches = new ArrayList<>();

  private static AuditedRecord record(int vbucket, long seqno, long millis) {
    return new AuditedRecord(new Identity(vbucket, seqno, seqno), millis, millis, "0@0");
  }

  private void outage(OutageKind kind, long start, long end) {
    outages.add(new ChaosOutage(kind, start, end, ChaosOutage.EVERYTHING));
  }

  private ChaosDuplicates duplicates() {
    return new ChaosDuplicates(CONNECTOR, outages, commits, branches);
  }

  private boolean allows(long firstMillis, long againMillis) {
    return duplicates().allows(record(5, 7, firstMillis), record(5, 7, againMillis));
  }

  @Test
  void withoutAFaultNothingIsThereAgain() {
    assertThat(allows(FAULT - 1000, FAULT + 1000)).isFalse();
  }

  @Test
  void whatWasUncommittedAtAKillMayBeThereAgain() {
    outage(OutageKind.KILLED, FAULT, FAULT);
    assertThat(allows(FAULT - 1000, FAULT + 1000)).isTrue();
    assertThat(allows(FAULT - 1000, FAULT - 500)).as("before the kill").isFalse();
    assertThat(allows(FAULT + 1000, FAULT + 2000)).as("delivered after the kill").isFalse();
    assertThat(allows(FAULT - ChaosDuplicates.COMMIT_MILLIS - 1, FAULT + 1000))
        .as("offsets had been due")
        .isFalse();
  }

  @Test
  void whatWasCommittedMustNotBeThereAgain() {
    outage(OutageKind.KILLED, FAULT, FAULT);
    commits.add(5, FAULT - 500, 6);
    assertThat(allows(FAULT - 1000, FAULT + 1000)).as("an offset below it").isTrue();
    commits.add(5, FAULT - 1500, 9);
    assertThat(allows(FAULT - 1000, FAULT + 1000)).as("before it was delivered").isTrue();
    commits.add(5, FAULT - 400, 7);
    assertThat(allows(FAULT - 1000, FAULT + 1000)).as("the offset of the record").isFalse();
  }

  @Test
  void aStopMustCommitWhatItHasDelivered() {
    outage(OutageKind.STOPPED, FAULT, FAULT + 500);
    commits.add(5, FAULT + 300, 7);
    assertThat(allows(FAULT - 1000, FAULT + 2000)).isFalse();
  }

  /** A slow network does not end tasks long after it, so later records must not be repeated. */
  @Test
  void whatIsDeliveredLongAfterAFaultIsNotItsDuplicate() {
    outage(OutageKind.NETWORK, FAULT, FAULT + 2000);
    assertThat(allows(FAULT + 2500, FAULT + 6000)).isTrue();
    assertThat(allows(FAULT + 4500, FAULT + 6000)).isFalse();
  }

  @Test
  void aFaultExcusesNothingOfTasksThatItDoesNotTouch() {
    outages.add(
        new ChaosOutage(
            OutageKind.KILLED,
            FAULT,
            FAULT,
            (connector, vbucket) -> connector.equals(CONNECTOR) && vbucket < 5));
    assertThat(duplicates().allows(record(4, 1, FAULT - 100), record(4, 1, FAULT + 100))).isTrue();
    assertThat(duplicates().allows(record(5, 1, FAULT - 100), record(5, 1, FAULT + 100))).isFalse();
  }

  /** A record of a partitioned worker arrives when the network heals. */
  @Test
  void aRecordThatArrivesAfterItsCopyIsStale() {
    outage(OutageKind.PARTITIONED, FAULT, FAULT + 15_000);
    assertThat(allows(FAULT + 12_000, FAULT + 100)).isFalse();
    assertThat(allows(FAULT - 100, FAULT + 12_000)).as("the copy of the new owner").isTrue();
  }

  /** Couchbase may resend changes between the start of a snapshot and the committed offset. */
  @Test
  void aFailoverMayTakeAnOffsetBackForAProcessThatStartsAfterIt() {
    outage(OutageKind.KILLED, FAULT, FAULT);
    commits.add(5, FAULT - 400, 7);
    branches.add(FAULT + 500);
    assertThat(allows(FAULT - 1000, FAULT + 1000)).isTrue();
    assertThat(allows(FAULT - 2000, FAULT + 100)).as("before the failover").isFalse();
    outages.clear();
    assertThat(allows(FAULT - 1000, FAULT + 1000)).as("nobody has started").isFalse();
  }

  @Test
  void whatIsAllowedIsCountedForEachFault() {
    outage(OutageKind.KILLED, FAULT, FAULT);
    outage(OutageKind.BROKER, FAULT + 50_000, FAULT + 51_000);
    commits.add(5, FAULT - 2000, 3);
    ChaosDuplicates duplicates = duplicates();
    for (long seqno = 1; seqno <= 6; seqno++) {
      duplicates.delivered(record(5, seqno, FAULT - 3000 + seqno));
    }
    assertThat(duplicates.allowed()).as("no fault has ended a task").isZero();

    for (long seqno = 4; seqno <= 5; seqno++) {
      assertThat(
              duplicates.allows(
                  record(5, seqno, FAULT - 3000 + seqno), record(5, seqno, FAULT + 1000)))
          .isTrue();
    }
    assertThat(duplicates.allowed()).as("all but those up to seqno 3").isEqualTo(3);
    assertThat(duplicates.byFault(FAULT - 10_000))
        .containsExactly("killed at 10.0 s: 2 of 3 uncommitted, from 11.0 s to 11.0 s");
  }
}
