// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class OffsetTableTest {
  private static final Offset OFFSET = new Offset(162621360260821L, 19, 0, 23, 5);

  private final OffsetTable table = new OffsetTable();
  private long next;

  private ConsumerRecord<byte[], byte[]> raw(String key, String value) {
    return new ConsumerRecord<>(
        "offsets", 0, next++, key.getBytes(UTF_8), value == null ? null : value.getBytes(UTF_8));
  }

  private ConsumerRecord<byte[], byte[]> record(int vbucket, Offset offset, Long generation) {
    OffsetRecord record =
        new OffsetRecord(new OffsetKey("c", "travel", vbucket), offset, generation);
    return new ConsumerRecord<>("offsets", 0, next++, record.key(), record.value());
  }

  private ConsumerRecord<byte[], byte[]> deletion(int vbucket) {
    return raw("[\"c\",{\"bucket\":\"travel\",\"partition\":\"" + vbucket + "\"}]", null);
  }

  private static Offset at(long seqno) {
    return new Offset(1, seqno, seqno, seqno, 0);
  }

  private Map<Integer, Offset> get(Long generation, Integer... vbuckets) {
    return table.get("c", "travel", Set.of(vbuckets), generation);
  }

  /** Offsets may have any numbers. The split into batches makes no difference. */
  @Test
  void theLastOffsetOfEachVbucketCountsHoweverTheRecordsCome() {
    Random random = new Random(5);
    Map<Integer, Offset> expected = new TreeMap<>();
    for (int batch = 0; batch < 200; batch++) {
      List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
      for (int i = random.nextInt(50); i >= 0; i--) {
        int vbucket = random.nextInt(random.nextInt(4) == 0 ? 1024 : 20);
        if (random.nextInt(10) == 0) {
          records.add(deletion(vbucket));
          expected.remove(vbucket);
        } else {
          Offset offset =
              new Offset(
                  number(random), number(random), number(random), number(random), batch / 50);
          records.add(record(vbucket, offset, random.nextInt(5) == 0 ? 7L : null));
          expected.put(vbucket, offset);
        }
      }
      table.apply(records);
    }
    Set<Integer> all = new java.util.HashSet<>(expected.keySet());
    all.addAll(List.of(0, 1, 2, 3, 1023, 5000));
    assertThat(table.get("c", "travel", all, null)).isEqualTo(expected).hasSizeGreaterThan(200);
  }

  private static long number(Random random) {
    return switch (random.nextInt(3)) {
      case 0 -> random.nextInt(100);
      case 1 -> random.nextLong();
      default -> random.nextInt();
    };
  }

  @Test
  void anOffsetOfAnOlderConfigurationHidesNoneOfANewerOne() {
    table.apply(List.of(record(1, at(10), 7L), record(2, at(10), 7L)));
    table.apply(List.of(record(1, at(20), 8L)));
    table.apply(List.of(record(1, at(11), 7L), record(1, at(9), null)));

    assertThat(get(8L, 1, 2)).isEqualTo(Map.of(1, at(20)));
    assertThat(get(7L, 1, 2)).isEmpty();
    assertThat(get(null, 1, 2)).isEqualTo(Map.of(1, at(9), 2, at(10)));
  }

  /** Of the values of one key in one batch, only the last with and without a generation is read. */
  @Test
  void aGenerationIsFoundAmongOtherValuesOfTheSameBatch() {
    table.apply(
        List.of(
            record(1, at(20), 8L),
            record(1, at(9), null),
            record(2, at(20), 8L),
            deletion(2),
            record(2, at(9), null)));

    assertThat(get(8L, 1, 2)).isEqualTo(Map.of(1, at(20)));
    assertThat(get(null, 1, 2)).isEqualTo(Map.of(1, at(9), 2, at(9)));
  }

  /** As anOffsetOfAnOlderConfigurationHidesNoneOfANewerOne, but all in one batch. */
  @Test
  void anOlderConfigurationHidesNoNewerOneOfTheSameBatch() {
    table.apply(
        List.of(
            record(1, at(20), 8L),
            record(1, at(11), 7L),
            record(2, at(20), 8L),
            record(2, at(11), 7L),
            record(2, at(9), null),
            record(3, at(20), 8L),
            deletion(3),
            record(3, at(11), 7L)));

    assertThat(get(8L, 1, 2, 3)).isEqualTo(Map.of(1, at(20), 2, at(20)));
    assertThat(get(null, 1, 2, 3)).isEqualTo(Map.of(1, at(11), 2, at(9), 3, at(11)));
  }

  /** The split into batches makes no difference for the newest config generation. */
  @Test
  void theNewestGenerationIsTheSameHoweverTheRecordsCome() {
    Random random = new Random(6);
    for (int trial = 0; trial < 300; trial++) {
      OffsetTable oneByOne = new OffsetTable();
      OffsetTable together = new OffsetTable();
      List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
      for (int i = random.nextInt(12); i >= 0; i--) {
        int vbucket = random.nextInt(2);
        int generation = random.nextInt(4);
        records.add(
            switch (random.nextInt(6)) {
              case 0 -> deletion(vbucket);
              case 1 ->
                  raw("[\"c\",{\"bucket\":\"travel\",\"partition\":\"" + vbucket + "\"}]", "x");
              default -> record(vbucket, at(i), generation == 0 ? null : (long) generation);
            });
      }
      records.forEach(record -> oneByOne.apply(List.of(record)));
      int middle = random.nextInt(records.size());
      together.apply(records.subList(0, middle));
      together.apply(records.subList(middle, records.size()));

      for (Long generation : java.util.Arrays.asList(null, 3L)) {
        assertThat(together.get("c", "travel", Set.of(0, 1), generation))
            .isEqualTo(oneByOne.get("c", "travel", Set.of(0, 1), generation));
      }
    }
  }

  @Test
  void whereTheLastValueIsNoOffsetTheOneBeforeItCounts() {
    String key = "[\"c\",{\"bucket\":\"travel\",\"partition\":\"1\"}]";
    table.apply(
        List.of(
            record(1, OFFSET, null),
            raw(key, "{\"bySeqno\":\"x\"}"),
            raw(key, "[1]"),
            raw(key, "no JSON"),
            raw(key, "")));

    assertThat(get(null, 1)).isEqualTo(Map.of(1, OFFSET));
  }

  @Test
  void keysOfOtherConnectorsAreLeftOut() {
    table.apply(
        List.of(
            raw("[\"c\",{\"server\":\"dbz\"}]", "{\"lsn\":1}"),
            raw("[\"c\",{\"bucket\":\"travel\",\"partition\":\"70000\"}]", "{\"bySeqno\":1}"),
            raw("[\"c\",{\"bucket\":\"travel\",\"partition\":\"-1\"}]", "{\"bySeqno\":1}"),
            raw("[\"c\",{\"bucket\":{},\"partition\":\"1\"}]", "{\"bySeqno\":1}"),
            raw("", "{\"bySeqno\":1}"),
            raw("[]", "{\"bySeqno\":1}"),
            raw("[\"c\"", "{\"bySeqno\":1}"),
            raw("[\"c\",{\"bucket\":\"travel\",\"partition\":3,\"x\":[1]}]", "{\"bySeqno\":4}")));

    assertThat(get(null, 0, 1, 3, 70000)).isEqualTo(Map.of(3, new Offset(0, 4, 4, 4, 0)));
  }

  /** 64 K keys share the places where a key is recognized. */
  @Test
  void manyKeysAreKeptApart() {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    for (int vbucket = 0; vbucket < 65_536; vbucket++) {
      records.add(record(vbucket, at(vbucket), null));
    }
    table.apply(records);
    table.apply(records.subList(0, 1000));

    assertThat(get(null, 0, 1, 999, 40_000, 65_535))
        .isEqualTo(
            Map.of(0, at(0), 1, at(1), 999, at(999), 40_000, at(40_000), 65_535, at(65_535)));
  }
}
