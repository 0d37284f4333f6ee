// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Reads an offsets topic from its beginning to its current end, with a new consumer for each read.
 * Safe for use by several threads.
 */
final class TopicScan implements OffsetReader {
  /** The maximum time without progress. A topic with a long history takes longer in total. */
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  private static final Duration POLL = Duration.ofMillis(500);

  private final String topic;
  private final Supplier<Consumer<byte[], byte[]>> consumers;
  private final Admin admin;

  /**
   * @param topic the offsets topic
   * @param consumers creates a consumer without a group, which the scan closes
   * @param admin the client for the ends of the topic; the caller owns it
   */
  TopicScan(String topic, Supplier<Consumer<byte[], byte[]>> consumers, Admin admin) {
    this.topic = topic;
    this.consumers = consumers;
    this.admin = admin;
  }

  @Override
  public Map<Integer, Offset> read(
      String connector, String bucket, Set<Integer> vbuckets, @Nullable Long generation) {
    OffsetTable table =
        new OffsetTable(
            (itsConnector, itsBucket) ->
                itsConnector.equals(connector) && itsBucket.equals(bucket));
    Consumer<byte[], byte[]> consumer = consumers.get();
    try {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic, TIMEOUT).stream()
              .map(info -> new TopicPartition(topic, info.partition()))
              .toList();
      if (partitions.isEmpty()) {
        // This does not mean "no offsets": a broker that has just started may not know the topic
        // yet.
        throw new KafkaException("Kafka does not know the offsets topic \"" + topic + "\" now.");
      }
      Map<TopicPartition, Long> ends = ends(partitions);
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      readTo(ends, consumer, table);
    } finally {
      // Without a wait: a fetch at the end of the topic takes half a second.
      consumer.close(Duration.ZERO);
    }
    return table.get(connector, bucket, vbuckets, generation);
  }

  private void readTo(
      Map<TopicPartition, Long> ends, Consumer<byte[], byte[]> consumer, OffsetTable table) {
    long reached = 0;
    long reachedAt = System.nanoTime();
    while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
      ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL);
      table.apply(records);
      long now = ends.keySet().stream().mapToLong(consumer::position).sum();
      if (now != reached) {
        reached = now;
        reachedAt = System.nanoTime();
      } else if (System.nanoTime() - reachedAt > TIMEOUT.toNanos()) {
        throw new KafkaException(
            "The offsets topic \""
                + topic
                + "\" could not be read to its end: no progress for "
                + TIMEOUT.toSeconds()
                + " s.");
      }
    }
  }

  /**
   * Returns the ends of the partitions, including records of open transactions. A read_committed
   * consumer's end is before the first open transaction, so it would miss later commits.
   */
  private Map<TopicPartition, Long> ends(List<TopicPartition> partitions) {
    Map<TopicPartition, OffsetSpec> latest =
        partitions.stream().collect(Collectors.toMap(p -> p, p -> OffsetSpec.latest()));
    try {
      Map<TopicPartition, ListOffsetsResultInfo> ends =
          admin.listOffsets(latest).all().get(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
      return ends.entrySet().stream()
          .collect(Collectors.toMap(Map.Entry::getKey, end -> end.getValue().offset()));
    } catch (ExecutionException | TimeoutException e) {
      throw new KafkaException("The end of the offsets topic \"" + topic + "\" is not known.", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new KafkaException("Interrupted while reading the offsets topic \"" + topic + "\".", e);
    }
  }
}
