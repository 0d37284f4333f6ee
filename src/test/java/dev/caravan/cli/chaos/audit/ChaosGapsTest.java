// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.chaos.audit.ChaosOutage.Kind;
import dev.caravan.cli.chaos.audit.ChaosTopic.Entry;
import dev.caravan.cli.chaos.audit.ChaosWrite.Identity;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** How long vBuckets stand still after faults. Two have a record every 100 ms otherwise. */
class ChaosGapsTest {
  private static final long FAULT = 100_000;

  private final List<ChaosOutage> outages = new ArrayList<>();

  private void outage(Kind kind, long start, long end, int vbucket) {
    outages.add(new ChaosOutage(kind, start, end, (connector, any) -> any == vbucket));
  }

  /** A minute of records, but none of vBucket 1 in between. */
  private ChaosGaps gaps(long from, long to) {
    List<Entry> entries = new ArrayList<>();
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

  private static Entry entry(int vbucket, long time) {
    return new Entry(new Identity(vbucket, time, time), time, time, "0@0");
  }

  @Test
  void aGapIsThatOfTheVbucketsThatAFaultTouches() {
    outage(Kind.KILLED, FAULT, FAULT, 1);
    outage(Kind.STOPPED, FAULT + 40_000, FAULT + 41_000, 0);
    ChaosGaps gaps = gaps(FAULT, FAULT + 10_500);
    assertThat(gaps.longest()).isEqualTo(Map.of("killed", 10_500L, "stopped", 100L));
    assertThat(gaps.lines(true))
        .containsExactly(
            "gaps after killed: faults=1 p50=10500ms max=10500ms promised=13000ms" + " late=0",
            "gaps after stopped: faults=1 p50=100ms max=100ms promised=2000ms late=0");
  }

  @Test
  void aGapThatIsLongerThanPromisedIsLate() {
    outage(Kind.KILLED, FAULT, FAULT, 1);
    assertThat(gaps(FAULT, FAULT + 13_100).lines(true).toString()).contains("late=1");
    assertThat(gaps(FAULT, FAULT + 13_100).lines(false).toString()).doesNotContain("promised");
  }

  @Test
  void aGapCountsFromTheLastFaultAndMayThenBeASessionLonger() {
    outage(Kind.KILLED, FAULT, FAULT, 1);
    outage(Kind.KILLED, FAULT + 9000, FAULT + 9000, 1);
    ChaosGaps gaps = gaps(FAULT, FAULT + 31_000);
    assertThat(gaps.longest()).isEqualTo(Map.of("killed", 22_000L));
    assertThat(gaps.lines(true).toString()).contains("faults=1").contains("late=0");
    assertThat(gaps(FAULT, FAULT + 33_000).lines(true).toString())
        .contains("late=1 (vBucket 1 of c since 1970-01-01T00:01:40Z)");
  }

  @Test
  void aWorkerThatStartsIsNoReasonForAGapThatBeganBefore() {
    outage(Kind.KILLED, FAULT, FAULT, 1);
    outage(Kind.STARTED, FAULT + 5000, FAULT + 8000, 1);
    assertThat(gaps(FAULT, FAULT + 12_000).longest()).isEqualTo(Map.of("killed", 12_000L));
    assertThat(gaps(FAULT + 6000, FAULT + 8500).longest())
        .isEqualTo(Map.of("killed", 100L, "started", 2500L));
    assertThat(gaps(FAULT, FAULT + 12_000).lines(true).get(0))
        .startsWith("gaps after killed among other faults: faults=1");
  }

  @Test
  void whatLastsCountsFromItsEnd() {
    outage(Kind.BROKER, FAULT, FAULT + 20_000, 1);
    assertThat(gaps(FAULT, FAULT + 23_000).longest()).isEqualTo(Map.of("broker", 3000L));
  }
}
