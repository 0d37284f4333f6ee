// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.ChaosAudit.Findings;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** An audit that finds nothing wrong is only worth something if it finds what is. */
class ChaosAuditTest {
  private final List<ChaosWrite> writes = new ArrayList<>();
  private final ChaosWrite first = write("a", 1);
  private final ChaosWrite second = write("a", 2);
  private final ChaosWrite other = write("b", 3);

  private ChaosWrite write(String documentId, long seqno) {
    return write(documentId, seqno, false);
  }

  private ChaosWrite write(String documentId, long seqno, boolean lost) {
    ChaosWrite write = new ChaosWrite(documentId, 0, 7, seqno, 1000 + writes.size(), lost);
    writes.add(write);
    return write;
  }

  private Findings audit(ChaosWrite... delivered) {
    ChaosAudit audit = new ChaosAudit(writes);
    for (ChaosWrite write : delivered) {
      audit.add(write.identity(), "0@0");
    }
    return audit.findings();
  }

  @Test
  void theLastVersionOfEachDocumentIsEnough() {
    assertThat(audit(second, other)).isEqualTo(new Findings(2, 0, 0, 0, 0, 0));
    assertThat(audit(first, second, other)).isEqualTo(new Findings(3, 0, 0, 0, 0, 0));
  }

  @Test
  void aDocumentWithoutItsLastVersionIsMissing() {
    assertThat(audit(first, other).missing()).isEqualTo(1);
    assertThat(audit().missing()).isEqualTo(2);
  }

  @Test
  void aVersionThatComesAgainIsDuplicatedAndMustNotBeTheLast() {
    assertThat(audit(first, second, other, first, second))
        .isEqualTo(new Findings(5, 0, 2, 0, 0, 0));
    assertThat(audit(first, second, other, first).missing()).isEqualTo(1);
  }

  @Test
  void anOlderVersionThatComesLateIsReordered() {
    assertThat(audit(second, first, other).reordered()).isEqualTo(1);
  }

  @Test
  void aRecordOfNothingIsUnknown() {
    ChaosAudit audit = new ChaosAudit(writes);
    audit.add(new ChaosWrite.Identity(0, 1, 999), "0@0");
    assertThat(audit.findings().unknown()).isEqualTo(1);
  }

  @Test
  void whatCouchbaseLostNeedNotBeThereAndMayBe() {
    ChaosWrite lost = write("a", 4, true);
    ChaosWrite later = write("b", 4);
    assertThat(audit(second, later)).isEqualTo(new Findings(2, 0, 0, 0, 0, 0));
    assertThat(audit(second, lost, later)).isEqualTo(new Findings(3, 0, 0, 0, 0, 1));
    assertThat(audit(lost, later).missing()).as("the version before the lost one").isEqualTo(1);
  }
}
