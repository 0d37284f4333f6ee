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
 * Finds the records in the config topic that were never committed and hide what is true from those
 * who read uncommitted records, as Kafka Connect may when it takes the topic over. Not thread-safe.
 */
final class AbortedRecords {
  /** How long reading may make no progress. */
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

  /** The records before an offset need not be looked at again. */
  void skipTo(long offset) {
    from = offset;
  }

  /**
   * The uncommitted records after which no committed one has the same key.
   *
   * @param end where to stop; no transaction is open before it
   * @param lastCommitted the offset of the last committed record with a key
   * @throws KafkaException if the topic can't be read now
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
              "its uncommitted records were read to offset "
                  + reached
                  + " of "
                  + end
                  + ", and reading has made no progress for "
                  + PATIENCE.toSeconds()
                  + " s");
        }
      }
    } finally {
      // At once: it would wait half a second for what it has asked for at the end of the topic.
      consumer.close(Duration.ZERO);
    }
    return covering.values();
  }

  private static Optional<ConfigChange> change(ConsumerRecord<byte[], byte[]> record) {
    try {
      return ConfigReader.read(record);
    } catch (IOException e) {
      // Not one of ours.
      return Optional.empty();
    }
  }
}
