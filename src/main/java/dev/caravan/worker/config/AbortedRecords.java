// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToLongFunction;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Finds records of aborted transactions in the config topic that hide the committed value of their
 * key from a consumer with {@code read_uncommitted}. Kafka Connect may read the topic that way when
 * it takes it over. Not thread-safe.
 */
final class AbortedRecords {
  /** The longest wait without progress. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private static final Duration POLL = Duration.ofMillis(500);

  private final Map<String, Object> consumerSettings;
  private final TopicPartition partition;
  private long from;

  AbortedRecords(Map<String, Object> consumerSettings, TopicPartition partition) {
    this.consumerSettings = new HashMap<>(consumerSettings);
    this.consumerSettings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_uncommitted");
    this.partition = partition;
  }

  /** Skips the records before an offset in later calls. */
  void skipTo(long offset) {
    from = offset;
  }

  /**
   * Returns the aborted records that no committed record of the same key follows.
   *
   * @param end the offset at which to stop; no transaction may be open before it
   * @param lastCommitted returns the offset of the last committed record of a key
   * @throws KafkaException if the topic can't be read
   */
  Collection<ConfigChange> maskingRecords(long end, ToLongFunction<byte[]> lastCommitted) {
    Map<String, ConfigChange> covering = new LinkedHashMap<>();
    if (from >= end) {
      return covering.values();
    }
    KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            consumerSettings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    try {
      consumer.assign(List.of(partition));
      consumer.seek(partition, from);
      long reached = from;
      long reachedAt = System.nanoTime();
      while (reached < end) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL).records(partition)) {
          change(record)
              .filter(change -> record.offset() > lastCommitted.applyAsLong(record.key()))
              .ifPresent(change -> covering.put(new String(record.key(), UTF_8), change));
        }
        long position = consumer.position(partition);
        if (position > reached) {
          reached = position;
          reachedAt = System.nanoTime();
        } else if (System.nanoTime() - reachedAt > PATIENCE.toNanos()) {
          throw new KafkaException(
              "its aborted records were read to offset "
                  + reached
                  + " of "
                  + end
                  + ", and reading has made no progress for "
                  + PATIENCE.toSeconds()
                  + " s");
        }
      }
    } finally {
      // Without a timeout: close would wait half a second for the outstanding fetch request.
      consumer.close(Duration.ZERO);
    }
    return covering.values();
  }

  private static Optional<ConfigChange> change(ConsumerRecord<byte[], byte[]> record) {
    try {
      return ConfigReader.read(record);
    } catch (IOException e) {
      // Not a record of a connector.
      return Optional.empty();
    }
  }
}
