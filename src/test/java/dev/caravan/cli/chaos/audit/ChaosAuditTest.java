// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.chaos.audit.ChaosAudit.Findings;
import dev.caravan.cli.chaos.audit.ChaosAudit.Purge;
import dev.caravan.cli.chaos.audit.ChaosTopic.AuditedRecord;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The audit finds each kind of error. */
@Tag("unit")
class ChaosAuditTest {
  private static final ChaosDuplicates NONE =
      new ChaosDuplicates("none", List.of(), new ChaosCommits(), List.of());

  private final List<ChaosWrite> writes = new ArrayList<>();
  private final List<Purge> purges = new ArrayList<>();
  private final ChaosWrite first = write("a", 1);
  private final ChaosWrite second = write("a", 2);
  private final ChaosWrite other = write("b", 3);

  private ChaosWrite write(String documentId, long seqno) {
    return write(documentId, seqno, false, false);
  }

  private ChaosWrite write(String documentId, long seqno, boolean deletion, boolean lost) {
    ChaosWrite write =
        new ChaosWrite(documentId, 0, 7, seqno, 1000 + writes.size(), deletion, lost);
    writes.add(write);
    return write;
  }

  /** Audits records with the timestamps 0, 1, 2 and so on. */
  private Findings audit(ChaosWrite... delivered) {
    ChaosAudit audit = new ChaosAudit(writes, purges, NONE);
    for (int i = 0; i < delivered.length; i++) {
      audit.add(new AuditedRecord(delivered[i].identity(), i, i, "0@" + i));
    }
    return audit.findings();
  }

  private static Findings right(long records) {
    return new Findings(records, 0, 0, 0, 0, 0, 0, 0);
  }

  @Test
  void theLastVersionOfEachDocumentIsEnough() {
    assertThat(audit(second, other)).isEqualTo(right(2));
    assertThat(audit(first, second, other)).isEqualTo(right(3));
    assertThat(right(3).isRight()).isTrue();
  }

  @Test
  void aDocumentWithoutItsLastVersionIsMissing() {
    assertThat(audit(first, other).missing()).isEqualTo(1);
    assertThat(audit(first, other).isRight()).isFalse();
    assertThat(audit().missing()).isEqualTo(2);
  }

  @Test
  void aVersionThatComesAgainIsDuplicatedAndMustNotBeTheLast() {
    Findings findings = audit(first, second, other, first, second);
    assertThat(findings).isEqualTo(new Findings(5, 0, 2, 2, 0, 0, 0, 0));
    assertThat(findings.isRight()).isFalse();
    assertThat(audit(first, second, other, first).missing()).isEqualTo(1);
  }

  @Test
  void anOlderVersionThatComesLateIsReordered() {
    assertThat(audit(second, first, other).reordered()).isEqualTo(1);
    assertThat(audit(second, first, other).isRight()).isFalse();
  }

  @Test
  void aRecordOfNothingIsUnknown() {
    ChaosAudit audit = new ChaosAudit(writes, purges, NONE);
    audit.add(new AuditedRecord(new ChaosWrite.Identity(0, 1, 999), 0, 0, "0@0"));
    assertThat(audit.findings().unknown()).isEqualTo(1);
    assertThat(audit.findings().isRight()).isFalse();
  }

  @Test
  void whatCouchbaseLostNeedNotBeThereAndMayBe() {
    ChaosWrite lost = write("a", 4, false, true);
    ChaosWrite later = write("b", 4);
    assertThat(audit(second, later)).isEqualTo(right(2));
    assertThat(audit(second, lost, later)).isEqualTo(new Findings(3, 0, 0, 0, 0, 0, 1, 0));
    assertThat(audit(lost, later).missing()).as("the version before the lost one").isEqualTo(1);
  }

  /** A recreated bucket has lost all writes, and begins at seqno 1 again. */
  @Test
  void whatWasInABucketThatIsNoMoreNeedNotBeThereAndComesBeforeWhatIsInTheNewOne() {
    writes.clear();
    ChaosWrite old = write("a", 1, false, true);
    ChaosWrite gone = write("c", 2, false, true);
    ChaosWrite present = write("a", 1);
    assertThat(audit(present)).isEqualTo(right(1));
    assertThat(audit(old, gone, present)).isEqualTo(right(3));
    assertThat(audit(old, gone).missing()).as("the new bucket's document").isEqualTo(1);
    Findings late = audit(present, old);
    assertThat(late.reordered()).as("a record of the old bucket after the new one's").isEqualTo(1);
    assertThat(late.isRight()).isFalse();
  }

  @Test
  void aDeletionThatWasPurgedBeforeItWasReadMayBeMissing() {
    ChaosWrite deletion = write("a", 4, true, false);
    assertThat(audit(first, second, other).missing()).as("without a purge").isEqualTo(1);

    purges.add(new Purge(writes.size(), 10));
    assertThat(audit(first, second, other)).isEqualTo(new Findings(3, 0, 0, 0, 0, 0, 0, 1));
    assertThat(audit(second, other, deletion)).isEqualTo(right(3));
    assertThat(audit(second, other, deletion, first).missing())
        .as("it was read, and something came after it")
        .isEqualTo(1);
  }

  @Test
  void aPurgeExcusesNothingElse() {
    ChaosWrite deletion = write("a", 4, true, false);
    ChaosWrite passed = write("c", 5);
    purges.add(new Purge(writes.size(), 10));
    assertThat(audit(second, other, passed).missing())
        .as("a later change was there before the purge, so the deletion had been read")
        .isEqualTo(1);
    assertThat(audit(second, other, deletion).missing()).as("a mutation").isEqualTo(1);

    purges.clear();
    purges.add(new Purge(writes.indexOf(deletion), 10));
    assertThat(audit(second, other, passed).missing()).as("a later deletion").isEqualTo(1);
  }
}
