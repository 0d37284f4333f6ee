// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.DocumentKey;
import dev.caravan.sandbox.kv.protocol.Status;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares the contents of a vBucket with a plain map after the same writes. */
@Tag("unit")
class VBucketTest {
  private static byte[] key(int number) {
    return DocumentKey.of(0, ("key-" + number).getBytes(StandardCharsets.UTF_8));
  }

  private static VBucket.Outcome write(VBucket vbucket, byte[] key, byte value) {
    byte[] keyAndValue = Arrays.copyOf(key, key.length + 1);
    keyAndValue[key.length] = value;
    return vbucket.write(Write.set(keyAndValue, key.length, Datatype.RAW, 0));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void onlyTheLatestVersionOfEachKeyIsKeptInSeqnoOrder(long seed) {
    Random random = new Random(seed);
    VBucket vbucket = new VBucket(0, VBucketLimits.DEFAULT, Chronicle.NONE);
    Map<String, Long> latest = new HashMap<>();
    Map<String, Byte> values = new HashMap<>();
    for (int i = 0; i < 20_000; i++) {
      byte[] key = key(random.nextInt(300));
      String name = new String(key, StandardCharsets.UTF_8);
      if (random.nextInt(3) > 0) {
        latest.put(name, write(vbucket, key, (byte) i).seqno());
        values.put(name, (byte) i);
      } else if (vbucket.delete(key, 0, false).status() == Status.SUCCESS) {
        latest.put(name, vbucket.highSeqno());
        values.remove(name);
      }
    }
    List<Long> seqnos = new ArrayList<>();
    for (Item item : vbucket.after(0).items()) {
      seqnos.add(item.seqno());
      assertThat(latest)
          .containsEntry(new String(item.key(), StandardCharsets.UTF_8), item.seqno());
    }
    assertThat(seqnos).isSorted().hasSameSizeAs(latest.keySet());
    assertThat(vbucket.documentCount()).isEqualTo(values.size());
    for (int number = 0; number < 300; number++) {
      Byte value = values.get(new String(key(number), StandardCharsets.UTF_8));
      Item item = vbucket.get(key(number));
      assertThat(item == null ? null : (Byte) item.value()[0]).isEqualTo(value);
    }
    vbucket.purgeTombstones();
    assertThat(vbucket.after(0).items())
        .filteredOn(Item::isTombstone)
        .allMatch(item -> item.seqno() == vbucket.highSeqno());
    assertThat(vbucket.documentCount()).isEqualTo(values.size());
  }

  @Test
  void casAndSeqnoOnlyGrow() {
    VBucket vbucket = new VBucket(0, VBucketLimits.DEFAULT, Chronicle.NONE);
    VBucket.Outcome before = write(vbucket, key(0), (byte) 0);
    for (int i = 0; i < 1000; i++) {
      VBucket.Outcome outcome = write(vbucket, key(i % 7), (byte) i);
      assertThat(outcome.cas()).isGreaterThan(before.cas());
      assertThat(outcome.seqno()).isEqualTo(before.seqno() + 1);
      before = outcome;
    }
  }

  /** Couchbase's documented prefixes: 0x08, 0x7f, and 0x80 as two bytes. */
  @ParameterizedTest
  @CsvSource({"0, 1", "8, 1", "127, 1", "128, 2", "300, 2", "1000000, 3", "-1, 5"})
  void aCollectionIdIsAPrefixOfAsManyBytesAsItNeeds(int id, int length) {
    byte[] key = DocumentKey.of(id, new byte[] {'k'});
    assertThat(key).hasSize(length + 1).endsWith((byte) 'k');
    assertThat(DocumentKey.prefixLength(key)).isEqualTo(length);
    assertThat(DocumentKey.collectionId(key)).isEqualTo(id);
    assertThat(DocumentKey.prefixLength(new byte[] {(byte) 0x80})).isEqualTo(-1);
  }
}
