// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static java.nio.charset.StandardCharsets.UTF_8;

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
final class ConfigReader implements AutoCloseable {
  /** In this record header, eight bytes tell one write from all others. */
  static final String WRITE_HEADER = "caravan.write";

  /**
   * In this record header, eight bytes hold the generation of a configuration that was only written
   * again, not changed.
   */
  static final String GENERATION_HEADER = "caravan.generation";

  private static final Logger LOG = LoggerFactory.getLogger(ConfigReader.class);

  private final TopicPartition partition;
  private final Consumer<ConfigView> listener;
  private final TopicTail tail;
  private final Set<Long> awaitedWrites = ConcurrentHashMap.newKeySet();
  private final Set<Long> seenWrites = ConcurrentHashMap.newKeySet();

  /** Where the last committed record of each key is, for the writer. */
  private final Map<String, Long> lastOffsets = new ConcurrentHashMap<>();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition progress = lock.newCondition();
  private volatile ConfigView view = ConfigView.EMPTY;

  /**
   * @param listener is told each new view, on the reader's thread
   */
  ConfigReader(
      Map<String, Object> consumerSettings,
      TopicPartition partition,
      Consumer<ConfigView> listener) {
    this.partition = partition;
    this.listener = listener;
    this.tail = new TopicTail("config-reader", consumerSettings, List.of(partition), this::read);
  }

  void start() {
    tail.start();
  }

  ConfigView view() {
    return view;
  }

  /**
   * Waits until everything before an offset is read.
   *
   * @return false if it isn't when the timeout is over
   */
  boolean await(long offset, Duration timeout) throws InterruptedException {
    long left = timeout.toNanos();
    lock.lock();
    try {
      while (view.offset() < offset) {
        if (left <= 0) {
          return false;
        }
        left = progress.awaitNanos(left);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Where the last record is that has a key and was committed; -1 if there is none. */
  long lastOffset(byte[] key) {
    return lastOffsets.getOrDefault(new String(key, UTF_8), -1L);
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

  private void read(ConsumerRecords<byte[], byte[]> records, Map<TopicPartition, Long> reached) {
    ConfigView next = view;
    for (ConsumerRecord<byte[], byte[]> record : records) {
      next = apply(record, next);
      Long write = header(record, WRITE_HEADER);
      if (write != null && awaitedWrites.contains(write)) {
        seenWrites.add(write);
      }
    }
    next = next.at(reached.getOrDefault(partition, next.offset()));
    lock.lock();
    try {
      view = next;
      progress.signalAll();
    } finally {
      lock.unlock();
    }
    listener.accept(next);
  }

  private ConfigView apply(ConsumerRecord<byte[], byte[]> record, ConfigView before) {
    try {
      Optional<ConfigChange> change = read(record);
      if (change.isPresent()) {
        lastOffsets.put(new String(record.key(), UTF_8), record.offset());
      }
      Long generation = header(record, GENERATION_HEADER);
      return change.isEmpty()
          ? before
          : before.with(change.get(), generation == null ? record.offset() : generation);
    } catch (IOException e) {
      LOG.error(
          "The record with key {} at offset {} of the config topic '{}' can't be read and is"
              + " ignored: {}",
          new String(record.key(), UTF_8),
          record.offset(),
          partition.topic(),
          reason(e));
      return before;
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
  static String reason(IOException e) {
    return e instanceof com.fasterxml.jackson.core.JsonProcessingException json
        ? "it is not JSON, " + json.getLocation().offsetDescription()
        : String.valueOf(e.getMessage());
  }

  /** Stops reading. Blocks for a few seconds at most. */
  @Override
  public void close() {
    tail.close();
  }
}
