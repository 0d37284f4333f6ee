// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.kv.store.CollectionEvent;
import dev.caravan.sandbox.kv.store.CollectionsManifest;
import dev.caravan.sandbox.kv.store.Item;
import java.util.HexFormat;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** 08 of answers-protocol.txt, "v7 + flatbuffers_system_events": the payloads byte by byte. */
@Tag("unit")
class FlatBufferTest {
  private static String payload(CollectionEvent event) {
    return HexFormat.of().formatHex(FlatBufferPayload.of(Item.event(event, 1, 1)));
  }

  private static CollectionEvent collection(
      String name, int id, int scopeId, int maxTtlSeconds, long uid) {
    return CollectionEvent.created(
        new CollectionsManifest.Collection(name, id, scopeId, maxTtlSeconds), uid);
  }

  /** SYSTEM_EVENT seq=1 and seq=2. */
  @Test
  void scopesAreEncodedAsRecorded() {
    assertThat(payload(CollectionEvent.created(new CollectionsManifest.Scope("tenant", 9), 0)))
        .isEqualTo(
            "1000000000000a000c000000040008000a00000009000000040000000600000074656e616e740000");
    assertThat(payload(CollectionEvent.created(new CollectionsManifest.Scope("inventory", 8), 0)))
        .isEqualTo(
            "1000000000000a000c000000040008000a000000080000000400000009000000"
                + "696e76656e746f7279000000");
  }

  /** SYSTEM_EVENT seq=3 to seq=6. */
  @Test
  void collectionsAreEncodedAsRecorded() {
    assertThat(payload(collection("users", 0xa, 9, 0, 0)))
        .isEqualTo(
            "1400000010001000000004000800000000000c0010000000090000000a0000000400000005000000"
                + "7573657273000000");
    assertThat(payload(collection("bookings", 0xb, 9, 86_400, 0)))
        .isEqualTo(
            "1400000010001800000008000c000700100014001000000000000001090000000b000000"
                + "805101000400000008000000626f6f6b696e677300000000");
    assertThat(payload(collection("airline", 8, 8, 0, 0)))
        .isEqualTo(
            "1400000010001000000004000800000000000c00100000000800000008000000"
                + "04000000070000006169726c696e6500");
    assertThat(payload(collection("hotel", 9, 8, 0, 5)))
        .isEqualTo(
            "180000000000000010001c00100004000800000000000c0010000000080000000900000010000000"
                + "05000000000000000000000005000000686f74656c000000");
  }
}
