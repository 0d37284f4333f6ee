// SPDX-License-Identifier: Apache-2.0
package dev.caravan.testkit;

import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Reads a topic from the beginning. Keys are strings, as document ids are. Not thread-safe. */
public final class Topic implements AutoCloseable {
  private static final Duration AT_MOST = Duration.ofSeconds(60);

  private final String name;
  private final KafkaConsumer<String, byte[]> consumer;
  private final List<ConsumerRecord<String, byte[]>> records = new ArrayList<>();

  /** Reads all records, including those of aborted transactions. */
  public Topic(String brokers, String name) {
    this(brokers, name, "read_uncommitted");
  }

  /** Reads committed records only. */
  public static Topic committed(String brokers, String name) {
    return new Topic(brokers, name, "read_committed");
  }

  private Topic(String brokers, String name, String isolation) {
    this.name = name;
    consumer =
        new KafkaConsumer<>(
            Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                brokers,
                ConsumerConfig.GROUP_ID_CONFIG,
                "test-" + System.nanoTime(),
                ConsumerConfig.AUTO_OFFSET_RESET_CONFIG,
                "earliest",
                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                isolation,
                ConsumerConfig.METADATA_MAX_AGE_CONFIG,
                500,
                ConsumerConfig.FETCH_MAX_BYTES_CONFIG,
                64 * 1024 * 1024,
                ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG,
                false),
            new StringDeserializer(),
            new ByteArrayDeserializer());
    consumer.subscribe(Set.of(name));
  }

  /** All records read so far, in the order of their arrival. */
  public List<ConsumerRecord<String, byte[]>> records() {
    return List.copyOf(records);
  }

  /** Reads until there are this many records. */
  public List<ConsumerRecord<String, byte[]>> awaitRecords(int count) {
    return awaitUntil(count + " records", all -> all.size() >= count);
  }

  /** Reads until the records meet a condition. */
  public List<ConsumerRecord<String, byte[]>> awaitUntil(
      String what, Predicate<List<ConsumerRecord<String, byte[]>>> condition) {
    await(what + " in topic " + name)
        .atMost(AT_MOST)
        .pollInterval(Duration.ofMillis(1))
        .until(
            () -> {
              read(Duration.ofMillis(200));
              return condition.test(records);
            });
    return records();
  }

  /** Reads to the current end of the topic. Requires that a record was read before. */
  public List<ConsumerRecord<String, byte[]>> readToEnd() {
    Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
    return awaitUntil(
        "everything",
        all ->
            ends.entrySet().stream()
                .allMatch(end -> consumer.position(end.getKey()) >= end.getValue()));
  }

  /** Polls once, waiting at most this long. */
  public List<ConsumerRecord<String, byte[]>> read(Duration wait) {
    consumer.poll(wait).forEach(records::add);
    return records();
  }

  /** The number of records in all partitions, including those not read yet. */
  public long endOffset() {
    return consumer.endOffsets(consumer.assignment()).values().stream()
        .mapToLong(Long::longValue)
        .sum();
  }

  @Override
  public void close() {
    consumer.close(Duration.ofSeconds(2));
  }
}
