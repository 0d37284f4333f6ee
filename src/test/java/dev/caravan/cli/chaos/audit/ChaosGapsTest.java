// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.chaos.audit.ChaosOutage.OutageKind;
import dev.caravan.cli.chaos.audit.ChaosTopic.AuditedRecord;
import dev.caravan.cli.chaos.audit.ChaosWrite.Identity;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Gaps after faults, in the records of two vBuckets that have one every 100 ms otherwise. */
@Tag("unit")
class ChaosGapsTest {
  private static final long FAULT = 100_000;

  private final List<ChaosOutage> outages = new ArrayList<>();

  private void outage(OutageKind kind, long start, long end, int vbucket) {
    outages.add(new ChaosOutage(kind, start, end, (connector, any) -> any == vbucket));
  }

  /** The gaps of a minute of records, without records of vBucket 1 between two times. */
  private ChaosGaps gaps(long from, long to) {
    List<AuditedRecord> entries = new ArrayList<>();
    for (long time = FAULT - 30_000; time < FAULT + 60_000; time += 100) {
      entries.add(entry(0, time));
      if (time <= from || time >= to) {
        entries.add(entry(1, time));
      }
    }
    ChaosGaps gaps = new ChaosGaps(outages);
    gaps.add("c", entries);
    return gaps;
  }

  private static AuditedRecord entry(int vbucket, long time) {
    return new AuditedRecord(new Identity(vbucket, time, time), time, time, "0@0");
  }

  @Test
  void aGapIsThatOfTheVbucketsThatAFaultTouches() {
    outage(OutageKind.KILLED, FAULT, FAULT, 1);
    outage(OutageKind.STOPPED, FAULT + 40_000, FAULT + 41_000, 0);
    ChaosGaps gaps = gaps(FAULT, FAULT + 10_500);
    assertThat(gaps.longest()).isEqualTo(Map.of("killed", 10_500L, "stopped", 100L));
    assertThat(gaps.lines(true))
        .containsExactly(
            "gaps after killed: faults=1 p50=10500ms max=10500ms promised=13000ms" + " late=0",
            "gaps after stopped: faults=1 p50=100ms max=100ms promised=2000ms late=0");
  }

  @Test
  void aGapThatIsLongerThanPromisedIsLate() {
    outage(OutageKind.KILLED, FAULT, FAULT, 1);
    assertThat(gaps(FAULT, FAULT + 13_100).lines(true).toString()).contains("late=1");
    assertThat(gaps(FAULT, FAULT + 13_100).lines(false).toString()).doesNotContain("promised");
  }

  @Test
  void aGapCountsFromTheLastFaultAndMayThenBeASessionLonger() {
    outage(OutageKind.KILLED, FAULT, FAULT, 1);
    outage(OutageKind.KILLED, FAULT + 9000, FAULT + 9000, 1);
    ChaosGaps gaps = gaps(FAULT, FAULT + 31_000);
    assertThat(gaps.longest()).isEqualTo(Map.of("killed", 22_000L));
    assertThat(gaps.lines(true).toString()).contains("faults=1").contains("late=0");
    assertThat(gaps(FAULT, FAULT + 33_000).lines(true).toString())
        .contains("late=1 (vBucket 1 of c since 1970-01-01T00:01:40Z)");
  }

  @Test
  void aWorkerThatStartsIsNoReasonForAGapThatBeganBefore() {
    outage(OutageKind.KILLED, FAULT, FAULT, 1);
    outage(OutageKind.STARTED, FAULT + 5000, FAULT + 8000, 1);
    assertThat(gaps(FAULT, FAULT + 12_000).longest()).isEqualTo(Map.of("killed", 12_000L));
    assertThat(gaps(FAULT + 6000, FAULT + 8500).longest())
        .isEqualTo(Map.of("killed", 100L, "started", 2500L));
    assertThat(gaps(FAULT, FAULT + 12_000).lines(true).get(0))
        .startsWith("gaps after killed among other faults: faults=1");
  }

  @Test
  void whatLastsCountsFromItsEnd() {
    outage(OutageKind.BROKER, FAULT, FAULT + 20_000, 1);
    assertThat(gaps(FAULT, FAULT + 23_000).longest()).isEqualTo(Map.of("broker", 3000L));
  }
}
