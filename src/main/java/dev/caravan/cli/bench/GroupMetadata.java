// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/** Reads the group metadata that the coordinator has stored. */
final class GroupMetadata {
  private static final String TOPIC = "__consumer_offsets";

  /** The version in the keys of group metadata records. */
  private static final short GROUP_KEY = 2;

  private static final Duration POLL = Duration.ofSeconds(1);
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  private GroupMetadata() {}

  /**
   * The size in bytes of the largest record with the group's metadata, among the records that were
   * not compacted. By default, a broker accepts up to 1,048,588 bytes.
   */
  static int largestRecord(String brokers, String group) {
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", brokers),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(TOPIC, TIMEOUT).stream()
              .map(partition -> new TopicPartition(TOPIC, partition.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions, TIMEOUT);
      int largest = 0;
      long deadline = System.nanoTime() + TIMEOUT.toNanos();
      while (ends.entrySet().stream()
              .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())
          && System.nanoTime() - deadline < 0) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          if (record.value() != null && isOf(group, record.key())) {
            largest = Math.max(largest, record.serializedValueSize());
          }
        }
      }
      return largest;
    }
  }

  private static boolean isOf(String group, byte @Nullable [] key) {
    if (key == null || key.length < 2 * Short.BYTES) {
      return false;
    }
    ByteBuffer buffer = ByteBuffer.wrap(key);
    return buffer.getShort() == GROUP_KEY
        && buffer.getShort() == buffer.remaining()
        && UTF_8.decode(buffer).toString().equals(group);
  }
}
