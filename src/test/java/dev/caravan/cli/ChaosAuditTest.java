// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.ChaosAudit.Findings;
import org.junit.jupiter.api.Test;

/** An audit that finds nothing wrong is only worth something if it finds what is. */
class ChaosAuditTest {
  private final ChaosLedger ledger = new ChaosLedger();
  private final ChaosWrite first = write("a", 1);
  private final ChaosWrite second = write("a", 2);
  private final ChaosWrite other = write("b", 3);

  private ChaosWrite write(String documentId, long seqno) {
    ChaosWrite write =
        new ChaosWrite(ledger.size(), documentId, 0, 7, seqno, 1000 + ledger.size(), false);
    ledger.add(write);
    return write;
  }

  private Findings audit(ChaosWrite... delivered) {
    ChaosAudit audit = new ChaosAudit(ledger);
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
    ChaosAudit audit = new ChaosAudit(ledger);
    audit.add(new ChaosWrite.Identity(0, 1, 999), "0@0");
    assertThat(audit.findings().unknown()).isEqualTo(1);
  }

  @Test
  void whatCouchbaseLostNeedNotBeThereAndMayBe() {
    ledger.lose(0, 1);
    ChaosWrite rewritten = write("b", 2);
    assertThat(audit(first, rewritten).missing()).isZero();
    assertThat(audit(first, second, other, rewritten)).isEqualTo(new Findings(4, 0, 0, 0, 0, 1));
    assertThat(audit(second, rewritten).missing())
        .as("the version before the lost one")
        .isEqualTo(1);
  }
}
