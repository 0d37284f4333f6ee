// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.flow;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class FlowWindowTest {
  private static final int KIB = 1024;
  private static final int SIZE = 1024 * KIB;
  private static final int EVENT = 4 * KIB;

  private final MemoryBudget budget = new MemoryBudget(SIZE);
  private final FlowWindow window = new FlowWindow(SIZE, budget);

  /** Bytes that the node has sent and that were not acknowledged to it. */
  private int unacknowledged;

  /** The node sends as much as it may, and all of it is done. Returns how much that was. */
  private int fill() {
    int sent = 0;
    while (unacknowledged + EVENT <= SIZE) {
      unacknowledged += EVENT;
      sent += EVENT;
    }
    for (int done = 0; done < sent; done += EVENT) {
      unacknowledged -= window.acknowledge(EVENT);
    }
    return sent;
  }

  @Test
  void aConnectionThatIsAloneUsesAllOfIt() {
    budget.enter();
    assertThat(fill()).isEqualTo(SIZE);
    assertThat(fill()).isBetween(SIZE * 3 / 4, SIZE);
  }

  @Test
  void theMoreThereAreTheLessEachUsesAndTheOtherWayRound() {
    budget.enter();
    fill();
    for (int i = 1; i < 8; i++) {
      budget.enter();
    }
    // What was sent when the share became smaller is still done.
    fill();
    for (int i = 0; i < 10; i++) {
      assertThat(fill()).isBetween(SIZE / 8 * 3 / 4, SIZE / 8);
    }

    for (int i = 1; i < 8; i++) {
      budget.leave();
    }
    fill();
    assertThat(fill()).isBetween(SIZE * 3 / 4, SIZE);
  }

  @Test
  void aPartIsAlwaysUsedHoweverManyThereAre() {
    for (int i = 0; i < 10_000; i++) {
      budget.enter();
    }
    fill();
    for (int i = 0; i < 10; i++) {
      assertThat(fill()).isBetween(SIZE / 16 * 3 / 4, SIZE / 16);
    }
  }

  @Test
  void aShareIsWhatTheUsersHaveAndNeverLessThanTheSmallest() {
    MemoryBudget large = new MemoryBudget(100L * SIZE);
    assertThat(large.nextShare()).isEqualTo(100 * SIZE);
    large.enter();
    assertThat(large.share()).isEqualTo(100 * SIZE);
    assertThat(large.nextShare()).isEqualTo(50 * SIZE);
    large.leave();
    for (int i = 0; i < 10_000; i++) {
      large.enter();
    }
    assertThat(large.share()).isEqualTo(MemoryBudget.SMALLEST_SHARE);
    assertThat(new MemoryBudget(Long.MAX_VALUE).share()).isEqualTo(Integer.MAX_VALUE);
  }
}
