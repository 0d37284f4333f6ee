// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class MemoryOffsetStoreTest {
  private final MemoryOffsetStore shared = new MemoryOffsetStore();
  private final OffsetStore store = shared.of("route1");

  private static Offset at(long seqno) {
    return new Offset(1, seqno, seqno, seqno, 0);
  }

  @Test
  void savedOffsetsAreLoadedUntilTheyAreReplaced() {
    store.save("travel", Map.of(0, at(5), 1, at(6))).toCompletableFuture().join();
    store.save("travel", Map.of(1, at(7))).toCompletableFuture().join();

    assertThat(store.load("travel", List.of(0, 1, 2))).isEqualTo(Map.of(0, at(5), 1, at(7)));
  }

  @Test
  void onlyTheAskedVbucketsOfTheAskedBucketAreLoaded() {
    store.save("travel", Map.of(0, at(5), 1, at(6)));
    store.save("beer", Map.of(0, at(9)));

    assertThat(store.load("travel", List.of(1))).isEqualTo(Map.of(1, at(6)));
    assertThat(store.load("wine", List.of(0))).isEmpty();
  }

  @Test
  void ownersAreKeptApart() {
    store.save("travel", Map.of(0, at(5)));
    shared.of("route2").save("travel", Map.of(0, at(9)));

    assertThat(shared.of("route1").load("travel", List.of(0))).isEqualTo(Map.of(0, at(5)));
    assertThat(shared.of("route2").load("travel", List.of(0))).isEqualTo(Map.of(0, at(9)));
    assertThat(shared.of("route3").load("travel", List.of(0))).isEmpty();
  }
}
