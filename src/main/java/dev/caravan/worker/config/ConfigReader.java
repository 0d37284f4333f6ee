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
 * Follows the committed records of the config topic and keeps a {@link ConfigSnapshot} of them.
 * Thread-safe.
 *
 * <p>A record that can't be parsed is logged with its key and offset and ignored; the record before
 * it stays valid.
 */
public final class ConfigReader implements AutoCloseable {
  /** The record header that identifies a write; 8 bytes. */
  static final String WRITE_HEADER = "caravan.write";

  /**
   * The record header with the config generation of a configuration that was rewritten without a
   * change; 8 bytes.
   */
  static final String GENERATION_HEADER = "caravan.generation";

  /**
   * The record header with the generation base, 8 bytes: a record's offset plus this base is the
   * config generation. The base is the time of the topic's first record, in milliseconds. So a
   * topic that was deleted and created again has other generations than before, and its connectors
   * don't take the offsets and transactions of the earlier ones.
   */
  static final String BASE_HEADER = "caravan.generation.base";

  /** The record header with the group id of the worker that wrote the record. */
  static final String GROUP_HEADER = "caravan.group";

  private static final Logger LOG = LoggerFactory.getLogger(ConfigReader.class);

  private final TopicPartition partition;
  private final Consumer<ConfigSnapshot> listener;
  private final TopicLogReader log;
  private final Set<Long> awaitedWrites = ConcurrentHashMap.newKeySet();
  private final Set<Long> seenWrites = ConcurrentHashMap.newKeySet();

  /** The offset of the last committed record per key, for the writer. */
  private final Map<String, Long> lastOffsets = new ConcurrentHashMap<>();

  private final Set<String> groups = ConcurrentHashMap.newKeySet();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition published = lock.newCondition();
  private volatile ConfigSnapshot snapshot = ConfigSnapshot.EMPTY;

  /** The id of the topic that is read; null if it is unknown. Guarded by the lock. */
  private @Nullable Uuid topicId;

  /**
   * Creates a reader; {@link #start} starts it.
   *
   * @param listener receives each new snapshot, in order, on the reader's thread
   */
  ConfigReader(
      Map<String, Object> consumerSettings,
      TopicPartition partition,
      Consumer<ConfigSnapshot> listener) {
    this.partition = partition;
    this.listener = listener;
    this.log =
        new TopicLogReader("config-reader", consumerSettings, List.of(partition), new Handler());
  }

  void start() {
    log.start();
  }

  ConfigSnapshot snapshot() {
    return snapshot;
  }

  /**
   * Waits until all records before an offset are read.
   *
   * @param patience how long to wait without progress
   * @return false if there was no progress for that long
   */
  boolean await(long offset, Duration patience) throws InterruptedException {
    return log.await(Map.of(partition, offset), patience);
  }

  /**
   * Restarts reading with an empty snapshot if the topic was deleted and created again. The reader
   * can't always see this from its position, because the new topic may have more records than it
   * has read of the old one.
   *
   * @param id the id of the topic that Kafka has now
   * @return false if the topic was replaced, and reading did not restart within the timeout
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
   * Restarts reading with an empty snapshot.
   *
   * @return false if reading did not restart within the timeout
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

  /** Returns the offset of the last committed record of a key; -1 if there is none. */
  long lastOffset(byte[] key) {
    return lastOffsets.getOrDefault(new String(key, UTF_8), -1L);
  }

  /** Returns the ids of the groups whose workers wrote records of the topic. */
  Set<String> groups() {
    return Set.copyOf(groups);
  }

  /** Remembers whether a record of a write is read, until {@link #forget} is called. */
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
          "Ignoring the record with key \"{}\" at offset {} of the config topic \"{}\", which"
              + " can't be read: {}",
          new String(record.key(), UTF_8),
          record.offset(),
          partition.topic(),
          reason(e));
    }
  }

  /** Parses a record; empty if it is not about a connector or its target state. */
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

  /**
   * Returns the reason of a parse error without the text of the record, which may contain secrets.
   */
  public static String reason(IOException e) {
    return e instanceof com.fasterxml.jackson.core.JsonProcessingException json
        ? "it is not JSON, " + json.getLocation().offsetDescription()
        : String.valueOf(e.getMessage());
  }

  /** Stops reading. Blocks for 5 s at most. */
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
