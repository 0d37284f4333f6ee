// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.rollback;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.stream.rollback.RecentChanges.Budget;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class RecentChangesTest {
  private static final long MUCH = 1 << 20;

  private final Budget budget = new Budget(MUCH);
  private final RecentChanges changes = new RecentChanges(budget);

  private static List<Long> seqnos(RecentChanges changes) {
    List<Long> seqnos = new ArrayList<>();
    changes.forEach(
        new RecentChanges.Visitor() {
          @Override
          public void change(long index, long keyHash, long seqno, long cas) {
            assertThat(keyHash).isEqualTo(seqno + 7);
            assertThat(cas).isEqualTo(seqno * 3);
            seqnos.add(seqno);
          }

          @Override
          public void lost(long afterSeqno) {
            seqnos.add(-afterSeqno);
          }
        });
    return seqnos;
  }

  private static void add(RecentChanges to, long first, long last, long cleanSeqno) {
    for (long seqno = first; seqno <= last; seqno++) {
      to.add(seqno + 7, seqno, seqno * 3, cleanSeqno);
    }
  }

  private static List<Long> range(long first, long last) {
    return LongStream.rangeClosed(first, last).boxed().toList();
  }

  @Test
  void allAfterTheCleanPointAreKept() {
    add(changes, 1, 5_000, 0);

    assertThat(seqnos(changes)).isEqualTo(range(1, 5_000));
  }

  @Test
  void someBeforeTheCleanPointAreKept() {
    for (long seqno = 1; seqno <= 5_000; seqno++) {
      add(changes, seqno, seqno, seqno - 1);
    }

    assertThat(seqnos(changes).size())
        .isBetween(RecentChanges.KEPT_BEFORE, 2 * RecentChanges.KEPT_BEFORE);
    assertThat(seqnos(changes)).isEqualTo(range(5_001 - seqnos(changes).size(), 5_000));
  }

  @Test
  void whatALongSnapshotTookIsGivenBackAfterIt() {
    add(changes, 1, 20_000, 0);
    assertThat(budget.left()).isLessThan(MUCH / 2);

    changes.clean(changes.mark());

    assertThat(budget.left()).isGreaterThan(MUCH - 100_000);
    assertThat(seqnos(changes)).isEqualTo(range(20_001 - RecentChanges.KEPT_BEFORE, 20_000));
  }

  @Test
  void withoutMemoryTheOldestAreForgotten() {
    RecentChanges small = new RecentChanges(new Budget(24 * 48));
    add(small, 1, 1_000, 0);

    assertThat(seqnos(small).size()).isBetween(48, 64);
    assertThat(seqnos(small)).isEqualTo(range(1_001 - seqnos(small).size(), 1_000));
  }

  @Test
  void whatIsTakenBackWasNeverThere() {
    add(changes, 1, 10, 0);
    long mark = changes.mark();
    add(changes, 11, 100, 0);
    changes.lose(5, 0);
    changes.takeBack(mark);
    add(changes, 50, 52, 0);

    assertThat(seqnos(changes)).startsWith(1L, 2L).endsWith(10L, 50L, 51L, 52L).hasSize(13);
  }

  @Test
  void aReleasedRingGivesAllBackAndKeepsNothing() {
    add(changes, 1, 5_000, 0);

    changes.release();
    add(changes, 5_001, 5_100, 0);

    assertThat(budget.left()).isEqualTo(MUCH);
    assertThat(seqnos(changes)).isEmpty();
  }
}
