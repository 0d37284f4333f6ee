// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The content of an offsets topic: the last offset of each vBucket of each bucket of each
 * connector.
 *
 * <p>An offset with a config generation is stored twice: as the last offset of all, and as the last
 * offset of the newest config generation. A process that has lost its task may still write an
 * offset of an older configuration, which must not hide the newer one.
 *
 * <p>A topic with a long history has many records of few keys. To keep the work per record small, a
 * key is recognized by its bytes, and {@link #apply} parses only two values per key: the last one,
 * and the last one of the newest config generation.
 *
 * <p>Safe for use by several threads.
 */
public final class OffsetTable {
  private static final Logger LOG = LoggerFactory.getLogger(OffsetTable.class);

  /** The DCP protocol has 16 bits for a vBucket. */
  private static final int MAX_VBUCKET = 0xffff;

  /** A power of two. Each key takes about 150 bytes. */
  private static final int KNOWN_KEYS = 1 << 15;

  /** The name of the last field of an offset with a config generation, as Caravan writes it. */
  private static final byte[] GENERATION = "\"generation\":".getBytes(US_ASCII);

  private final BiPredicate<String, String> filter;
  private final Map<String, Map<String, Buckets>> connectors = new HashMap<>();

  /** Keys by a part of their hash. Of keys with the same part, only the latest is here. */
  private final @Nullable Slot[] known = new Slot[KNOWN_KEYS];

  /** The offsets of one bucket. */
  private static final class Buckets {
    private final BucketOffsets all = new BucketOffsets();
    private BucketOffsets newest = new BucketOffsets();
    private long newestGeneration = Long.MIN_VALUE;

    void put(int vbucket, @Nullable Offset offset, @Nullable Long generation) {
      if (offset == null) {
        all.remove(vbucket);
        newest.remove(vbucket);
        return;
      }
      all.put(vbucket, offset);
      if (generation != null && generation > newestGeneration) {
        newestGeneration = generation;
        newest = new BucketOffsets();
      }
      if (generation != null && generation == newestGeneration) {
        newest.put(vbucket, offset);
      }
    }

    @Nullable Offset get(int vbucket, @Nullable Long generation) {
      if (generation == null) {
        return all.get(vbucket);
      }
      return generation == newestGeneration ? newest.get(vbucket) : null;
    }
  }

  /** A parsed key with its records of a batch. */
  private static final class Slot {
    private final byte[] key;
    private final @Nullable Buckets buckets;
    private final int vbucket;
    private @Nullable ConsumerRecord<byte[], byte[]> last;

    /** The last record of the newest config generation since the last tombstone. */
    private @Nullable ConsumerRecord<byte[], byte[]> newest;

    private long newestGeneration;
    private boolean isDeleted;

    /**
     * @param buckets null for an ignored key
     */
    Slot(byte[] key, @Nullable Buckets buckets, int vbucket) {
      this.key = key;
      this.buckets = buckets;
      this.vbucket = vbucket;
    }

    void take(ConsumerRecord<byte[], byte[]> record) {
      last = record;
      if (record.value() == null) {
        isDeleted = true;
        newest = null;
      } else if (hasGeneration(record.value())) {
        long generation = generation(record.value());
        if (newest == null || generation >= newestGeneration) {
          newest = record;
          newestGeneration = generation;
        }
      }
    }

    /**
     * Stores the offsets of the records of the batch.
     *
     * @return false if a record cannot be read
     */
    boolean flush() {
      boolean isReadable = true;
      if (buckets != null && isDeleted) {
        buckets.put(vbucket, null, null);
      }
      if (newest != null && newest != last) {
        isReadable = put(this, newest);
      }
      if (last != null && last.value() != null) {
        isReadable &= put(this, last);
      }
      last = null;
      newest = null;
      isDeleted = false;
      return isReadable;
    }

    boolean isSamePlace(Slot other) {
      return buckets == other.buckets && vbucket == other.vbucket;
    }
  }

  /** Creates a table of the offsets of all connectors. */
  public OffsetTable() {
    this((connector, bucket) -> true);
  }

  /**
   * Creates a table of the offsets of some connectors.
   *
   * @param filter accepts a connector and a bucket
   */
  OffsetTable(BiPredicate<String, String> filter) {
    this.filter = filter;
  }

  /**
   * Applies records. Records of a key must be in the order of the topic. A record that is not an
   * offset is logged and skipped.
   */
  public synchronized void apply(Iterable<ConsumerRecord<byte[], byte[]>> records) {
    List<Slot> touched = new ArrayList<>();
    for (ConsumerRecord<byte[], byte[]> record : records) {
      Slot slot = slot(record);
      if (slot.buckets == null) {
        continue;
      }
      if (slot.last == null) {
        touched.add(slot);
      }
      slot.take(record);
    }
    List<Slot> unreadable = new ArrayList<>();
    for (Slot slot : touched) {
      if (!slot.flush()) {
        unreadable.add(slot);
      }
    }
    if (!unreadable.isEmpty()) {
      applyEach(records, unreadable);
    }
  }

  /**
   * Applies each record of some places: if the last value cannot be read, the one before counts.
   */
  private void applyEach(Iterable<ConsumerRecord<byte[], byte[]>> records, List<Slot> places) {
    for (ConsumerRecord<byte[], byte[]> record : records) {
      Slot slot = slot(record);
      if (places.stream().anyMatch(slot::isSamePlace)) {
        put(slot, record);
      }
    }
  }

  private Slot slot(ConsumerRecord<byte[], byte[]> record) {
    byte[] key = record.key() == null ? new byte[0] : record.key();
    int hash = Arrays.hashCode(key);
    int index = (hash ^ hash >>> 15) & KNOWN_KEYS - 1;
    Slot slot = known[index];
    if (slot == null || !Arrays.equals(slot.key, key)) {
      slot = parse(key, record);
      known[index] = slot;
    }
    return slot;
  }

  private Slot parse(byte[] key, ConsumerRecord<byte[], byte[]> record) {
    try {
      OffsetKey parsed = OffsetKey.read(key);
      if (parsed.vbucket() <= MAX_VBUCKET && filter.test(parsed.connector(), parsed.bucket())) {
        return new Slot(
            key,
            connectors
                .computeIfAbsent(parsed.connector(), name -> new HashMap<>())
                .computeIfAbsent(parsed.bucket(), name -> new Buckets()),
            parsed.vbucket());
      }
    } catch (IOException e) {
      // Other kinds of connectors may store their offsets in the same topic.
      LOG.debug(
          "The record at offset {} of partition {} of topic \"{}\" is skipped: {}",
          record.offset(),
          record.partition(),
          record.topic(),
          e.getMessage());
    }
    return new Slot(key, null, 0);
  }

  /** Stores the offset of a record. Returns whether the record could be read. */
  private static boolean put(Slot slot, ConsumerRecord<byte[], byte[]> record) {
    Buckets buckets = slot.buckets;
    if (buckets == null) {
      return true;
    }
    try {
      if (record.value() == null) {
        buckets.put(slot.vbucket, null, null);
      } else {
        OffsetJson.Stored stored = OffsetJson.read(record.value());
        buckets.put(slot.vbucket, stored.offset(), stored.generation());
      }
      return true;
    } catch (IOException e) {
      LOG.warn(
          "The record at offset {} of partition {} of topic \"{}\" is not an offset and is skipped: {}",
          record.offset(),
          record.partition(),
          record.topic(),
          e.getMessage());
      return false;
    }
  }

  /**
   * Returns whether the last field of a value is a config generation, without parsing the value.
   */
  private static boolean hasGeneration(byte[] value) {
    int end = value.length - 1;
    while (end > 0 && value[end] != ':') {
      end--;
    }
    int start = end + 1 - GENERATION.length;
    return start >= 0 && Arrays.equals(value, start, end + 1, GENERATION, 0, GENERATION.length);
  }

  /** Returns the number in the last field of a value. */
  private static long generation(byte[] value) {
    int end = value.length - 1;
    while (end > 0 && value[end] != ':') {
      end--;
    }
    long generation = 0;
    for (int i = end + 1; i < value.length; i++) {
      if (value[i] >= '0' && value[i] <= '9') {
        generation = 10 * generation + value[i] - '0';
      }
    }
    return generation;
  }

  /**
   * Returns the offsets of a bucket by vBucket.
   *
   * @param generation the config generation whose offsets are returned; null for all
   */
  public synchronized Map<Integer, Offset> get(
      String connector, String bucket, Set<Integer> vbuckets, @Nullable Long generation) {
    Map<Integer, Offset> offsets = new HashMap<>();
    Buckets buckets = connectors.getOrDefault(connector, Map.of()).get(bucket);
    if (buckets != null) {
      for (int vbucket : vbuckets) {
        Offset offset = buckets.get(vbucket, generation);
        if (offset != null) {
          offsets.put(vbucket, offset);
        }
      }
    }
    return offsets;
  }

  /** Removes all offsets. */
  public synchronized void clear() {
    connectors.clear();
    Arrays.fill(known, null);
  }
}
