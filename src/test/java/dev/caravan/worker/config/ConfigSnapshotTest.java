// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class ConfigSnapshotTest {
  private static final int MANY = 20_000;

  @Test
  void aBatchOfManyChangesCostsNoMoreForEachOfThem() {
    batch(MANY);
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long start = threads.getCurrentThreadCpuTime();
    ConfigSnapshot snapshot = batch(MANY);
    long millis = (threads.getCurrentThreadCpuTime() - start) / 1_000_000;

    assertThat(snapshot.connectors()).hasSize(MANY / 2);
    assertThat(snapshot.targetStates()).hasSize(MANY / 4);
    // With a copy of all connectors per change this takes many seconds.
    assertThat(millis).isLessThan(500);
  }

  private static ConfigSnapshot batch(int changes) {
    ConfigSnapshot.Builder builder = ConfigSnapshot.EMPTY.toBuilder();
    for (int i = 0; i < changes; i++) {
      String name = "c" + i / 2;
      builder.apply(
          i % 2 == 0
              ? new ConfigRecord(name, Map.of())
              : new TargetStateRecord(name, i % 4 == 1 ? TargetState.PAUSED : TargetState.STARTED),
          i);
      assertThat(builder.peek().connector(name)).isNotNull();
    }
    return builder.build(changes);
  }

  @Test
  void aBuilderChangesNoOtherSnapshot() {
    ConfigSnapshot.Builder first = ConfigSnapshot.EMPTY.toBuilder();
    first.apply(new ConfigRecord("a", Map.of()), 0);
    ConfigSnapshot before = first.build(1);
    ConfigSnapshot.Builder second = before.toBuilder();
    second.apply(new ConfigRecord("a", null), 1);
    second.apply(new ConfigRecord("b", Map.of()), 2);

    assertThat(before.connectors()).containsOnlyKeys("a");
    assertThat(second.build(3).connectors()).containsOnlyKeys("b");
    // So an unchanged map is detected by identity.
    assertThat(before.toBuilder().build(9).connectors()).isSameAs(before.connectors());
  }

  @Test
  void aSnapshotOfALaterTopicIsNewerWhateverItsOffset() {
    ConfigSnapshot old = ConfigSnapshot.EMPTY.toBuilder().build(500);
    assertThat(old.recreated().isNewerThan(old)).isTrue();
    assertThat(old.isNewerThan(old.recreated())).isFalse();
    assertThat(old.isNewerThan(ConfigSnapshot.EMPTY)).isTrue();
    assertThat(old.isNewerThan(old)).isFalse();
  }
}
