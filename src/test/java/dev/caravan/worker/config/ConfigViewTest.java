// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ConfigViewTest {
  private static final int MANY = 20_000;

  @Test
  void aBatchOfManyChangesCostsNoMoreForEachOfThem() {
    batch(MANY);
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long start = threads.getCurrentThreadCpuTime();
    ConfigView view = batch(MANY);
    long millis = (threads.getCurrentThreadCpuTime() - start) / 1_000_000;

    assertThat(view.connectors()).hasSize(MANY / 2);
    assertThat(view.targetStates()).hasSize(MANY / 4);
    // A copy of all for each change takes many seconds.
    assertThat(millis).isLessThan(500);
  }

  private static ConfigView batch(int changes) {
    ConfigView.Draft draft = ConfigView.EMPTY.draft();
    for (int i = 0; i < changes; i++) {
      String name = "c" + i / 2;
      draft.apply(
          i % 2 == 0
              ? new ConfigRecord(name, Map.of())
              : new TargetStateRecord(name, i % 4 == 1 ? TargetState.PAUSED : TargetState.STARTED),
          i);
      assertThat(draft.soFar().connector(name)).isNotNull();
    }
    return draft.at(changes);
  }

  @Test
  void aDraftChangesNoOtherView() {
    ConfigView.Draft first = ConfigView.EMPTY.draft();
    first.apply(new ConfigRecord("a", Map.of()), 0);
    ConfigView before = first.at(1);
    ConfigView.Draft second = before.draft();
    second.apply(new ConfigRecord("a", null), 1);
    second.apply(new ConfigRecord("b", Map.of()), 2);

    assertThat(before.connectors()).containsOnlyKeys("a");
    assertThat(second.at(3).connectors()).containsOnlyKeys("b");
    // So it is known without a comparison that nothing has changed.
    assertThat(before.draft().at(9).connectors()).isSameAs(before.connectors());
  }

  @Test
  void aViewOfALaterTopicIsNewerWhateverItsOffset() {
    ConfigView old = ConfigView.EMPTY.draft().at(500);
    assertThat(old.recreated().isNewerThan(old)).isTrue();
    assertThat(old.isNewerThan(old.recreated())).isFalse();
    assertThat(old.isNewerThan(ConfigView.EMPTY)).isTrue();
    assertThat(old.isNewerThan(old)).isFalse();
  }
}
