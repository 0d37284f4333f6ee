// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNullElse;

import dev.caravan.worker.kafka.TopicLogReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows the config topic: what its committed records say, from the beginning to what comes. Safe
 * for use by several threads.
 *
 * <p>A record that can't be read is logged with its key and offset and left out; the record before
 * it counts on.
 */
public final class ConfigReader implements AutoCloseable {
  /** In this record header, eight bytes identify a write. */
  static final String WRITE_HEADER = "caravan.write";

  /**
   * In this record header, eight bytes hold the generation of a configuration that was only written
   * again, not changed.
   */
  static final String GENERATION_HEADER = "caravan.generation";

  /**
   * In this record header, eight bytes hold what is added to the record's offset to have the
   * generation of its configuration. It is the time when the topic got its first record, in
   * milliseconds, so that a topic that was made again has other generations than its predecessor:
   * offsets and transactions of the old connectors are there still.
   */
  static final String BASE_HEADER = "caravan.generation.base";

  /** In this record header is the name of the group of workers that wrote the record. */
  static final String GROUP_HEADER = "caravan.group";

  private static final Logger LOG = LoggerFactory.getLogger(ConfigReader.class);

  private final TopicPartition partition;
  private final Consumer<ConfigSnapshot> listener;
  private final TopicLogReader log;
  private final Set<Long> awaitedWrites = ConcurrentHashMap.newKeySet();
  private final Set<Long> seenWrites = ConcurrentHashMap.newKeySet();

  /** Where the last committed record of each key is, for the writer. */
  private final Map<String, Long> lastOffsets = new ConcurrentHashMap<>();

  private final Set<String> groups = ConcurrentHashMap.newKeySet();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition published = lock.newCondition();
  private volatile ConfigSnapshot snapshot = ConfigSnapshot.EMPTY;

  /** Of the topic that is read; null if it isn't known yet. Guarded by the lock. */
  private @Nullable Uuid topicId;

  /**
   * @param listener is given each new snapshot, on the reader's thread
   */
  ConfigReader(
      Map<String, Object> consumerSettings,
      TopicPartition partition,
      Consumer<ConfigSnapshot> listener) {
    this.partition = partition;
    this.listener = listener;
    this.log = new TopicLogReader("config-reader", consumerSettings, List.of(partition), new Handler());
  }

  void start() {
    log.start();
  }

  ConfigSnapshot snapshot() {
    return snapshot;
  }

  /**
   * Waits until everything before an offset is read, however long that takes.
   *
   * @param patience how long reading may make no progress
   * @return false if it has made none for that long
   */
  boolean await(long offset, Duration patience) throws InterruptedException {
    return log.await(Map.of(partition, offset), patience);
  }

  /**
   * Begins to read again from an empty snapshot if the topic is another one than before: a topic that
   * was deleted and made again may have more records than this reader has read of the old one, and
   * looks like the old one then.
   *
   * @param id the topic's id, as Kafka knows it now
   * @return false if reading has not begun again within the timeout
   */
  boolean identify(Uuid id, Duration timeout) throws InterruptedException {
    lock.lock();
    try {
      boolean isRead = topicId == null || topicId.equals(id) || restart(timeout);
      if (isRead) {
        topicId = id;
      }
      return isRead;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Begins to read again from an empty snapshot.
   *
   * @return false if that has not begun within the timeout
   */
  boolean restart(Duration timeout) throws InterruptedException {
    lock.lock();
    try {
      int before = snapshot.recreations();
      log.restart();
      long left = timeout.toNanos();
      while (snapshot.recreations() == before && left > 0) {
        left = published.awaitNanos(left);
      }
      return snapshot.recreations() != before;
    } finally {
      lock.unlock();
    }
  }

  /** Where the last record is that has a key and was committed; -1 if there is none. */
  long lastOffset(byte[] key) {
    return lastOffsets.getOrDefault(new String(key, UTF_8), -1L);
  }

  /** The groups of workers that have written to the topic, as far as their records are there. */
  Set<String> groups() {
    return Set.copyOf(groups);
  }

  /** From now on, remembers whether a write is seen, until {@link #forget}. */
  void watch(long write) {
    awaitedWrites.add(write);
  }

  boolean hasSeen(long write) {
    return seenWrites.contains(write);
  }

  void forget(long write) {
    awaitedWrites.remove(write);
    seenWrites.remove(write);
  }

  private void read(ConsumerRecords<byte[], byte[]> records, long position) {
    ConfigSnapshot.Builder builder = snapshot.toBuilder();
    for (ConsumerRecord<byte[], byte[]> record : records) {
      apply(record, builder);
      Header group = record.headers().lastHeader(GROUP_HEADER);
      if (group != null && group.value() != null) {
        groups.add(new String(group.value(), UTF_8));
      }
      Long write = header(record, WRITE_HEADER);
      if (write != null && awaitedWrites.contains(write)) {
        seenWrites.add(write);
      }
    }
    publish(builder.build(position));
  }

  private void publish(ConfigSnapshot next) {
    lock.lock();
    try {
      snapshot = next;
      published.signalAll();
    } finally {
      lock.unlock();
    }
    listener.accept(next);
  }

  private void apply(ConsumerRecord<byte[], byte[]> record, ConfigSnapshot.Builder builder) {
    Long base = header(record, BASE_HEADER);
    if (base != null) {
      builder.setGenerationBase(base);
    } else if (builder.generationBase() == ConfigSnapshot.NO_BASE) {
      builder.setGenerationBase(0);
    }
    try {
      Optional<ConfigChange> change = read(record);
      if (change.isPresent()) {
        lastOffsets.put(new String(record.key(), UTF_8), record.offset());
        Long generation = header(record, GENERATION_HEADER);
        builder.apply(
            change.get(),
            generation == null ? record.offset() + requireNonNullElse(base, 0L) : generation);
      }
    } catch (IOException e) {
      LOG.error(
          "The record with key {} at offset {} of the config topic '{}' can't be read and is"
              + " ignored: {}",
          new String(record.key(), UTF_8),
          record.offset(),
          partition.topic(),
          reason(e));
    }
  }

  /** What a record changes; empty for records of other kinds. */
  static Optional<ConfigChange> read(ConsumerRecord<byte[], byte[]> record) throws IOException {
    Optional<String> connector = ConfigRecord.connectorOf(record.key());
    if (connector.isPresent()) {
      return Optional.of(ConfigRecord.read(connector.get(), record.value()));
    }
    Optional<String> target = TargetStateRecord.connectorOf(record.key());
    if (target.isPresent()) {
      return Optional.of(TargetStateRecord.read(target.get(), record.value()));
    }
    return Optional.empty();
  }

  private static @Nullable Long header(ConsumerRecord<byte[], byte[]> record, String name) {
    Header header = record.headers().lastHeader(name);
    return header == null || header.value() == null || header.value().length != Long.BYTES
        ? null
        : ByteBuffer.wrap(header.value()).getLong();
  }

  /** What is wrong, without the text that is wrong: it may hold a password. */
  public static String reason(IOException e) {
    return e instanceof com.fasterxml.jackson.core.JsonProcessingException json
        ? "it is not JSON, " + json.getLocation().offsetDescription()
        : String.valueOf(e.getMessage());
  }

  /** Stops reading. Blocks for a few seconds at most. */
  @Override
  public void close() {
    log.close();
  }

  private final class Handler implements TopicLogReader.Handler {
    @Override
    public void onRecords(
        ConsumerRecords<byte[], byte[]> records, Map<TopicPartition, Long> positions) {
      read(records, positions.getOrDefault(partition, snapshot.offset()));
    }

    @Override
    public void onRecreated() {
      lock.lock();
      try {
        topicId = null;
      } finally {
        lock.unlock();
      }
      lastOffsets.clear();
      groups.clear();
      publish(snapshot.recreated());
    }
  }
}
