// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class HeartbeatsTest {
  private static final long MS = 1_000_000;

  private final Heartbeats heartbeats = new Heartbeats(0);

  private OptionalLong observe(double total, double slowest, boolean joining, long millis) {
    return heartbeats.observe(total, slowest, joining, millis * MS);
  }

  @Test
  void anAnswerCountsFromBeforeItWasSentAndWithTheNextPoll() {
    assertThat(observe(0, Double.NaN, false, 50)).isEmpty();
    assertThat(observe(1, 20, false, 100)).as("it may have been an error").isEmpty();
    assertThat(observe(1, 20, false, 150)).hasValue(30 * MS);
    assertThat(observe(1, 20, false, 200)).isEmpty();
  }

  @Test
  void aSlowAnswerCountsFromWhenItWasSent() {
    observe(0, 20, false, 5000);
    observe(1, 4000, false, 5050);
    assertThat(observe(1, 4000, false, 5100)).hasValue(1000 * MS);
  }

  @Test
  void anAnswerThatMakesTheWorkerJoinDoesNotCount() {
    observe(0, 20, false, 50);
    observe(1, 20, false, 100);
    assertThat(observe(1, 20, true, 150)).isEmpty();
    assertThat(observe(1, 20, false, 200)).isEmpty();
    observe(2, 20, true, 250);
    assertThat(observe(2, 20, false, 300)).as("it came before the worker joined").isEmpty();
  }

  @Test
  void anAnswerAfterAPauseOfTheWorkerDoesNotCount() {
    observe(0, 20, false, 50);
    observe(1, 20, false, 4000);
    assertThat(observe(1, 20, false, 4050)).isEmpty();
    observe(2, 20, false, 4100);
    assertThat(observe(2, 20, false, 4150)).hasValue(4030 * MS);
  }
}
