// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.offset.Offset;
import dev.caravan.offset.OffsetReader;
import dev.caravan.offset.OffsetTable;
import dev.caravan.worker.kafka.KafkaFutures;
import dev.caravan.worker.kafka.TopicLogReader;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Reads the offsets topic from its beginning, once for all tasks of the worker.
 *
 * <p>A task that loads its offsets waits until all offsets committed before are read. At the start
 * of the worker this takes as long as reading the whole topic, and later a few milliseconds. An
 * open transaction blocks all records after its first one, see {@link AbandonedTransactions}.
 *
 * <p>Thread-safe.
 */
final class OffsetTopicReader implements OffsetReader, TopicLogReader.Handler, AutoCloseable {
  /** The longest wait without progress. Reading a topic with a long history may take longer. */
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  /** A large batch has many records per key, and only the last of them is parsed. */
  private static final int MAX_POLL_RECORDS = 20_000;

  private final String topic;
  private final List<TopicPartition> partitions;
  private final Admin admin;
  private final TopicLogReader log;
  private final OffsetTable table = new OffsetTable();
  private final CoalescedRequest<Map<TopicPartition, Long>> ends;
  private final AtomicInteger waiting = new AtomicInteger();

  /**
   * Creates a reader; {@link #start} starts it.
   *
   * @param partitions the number of partitions of the topic
   * @param admin reads the end offsets; the caller closes it
   */
  OffsetTopicReader(
      String topic, int partitions, Map<String, Object> consumerSettings, Admin admin) {
    this.topic = topic;
    this.partitions =
        IntStream.range(0, partitions).mapToObj(n -> new TopicPartition(topic, n)).toList();
    this.admin = admin;
    Map<String, Object> settings = new HashMap<>(consumerSettings);
    settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, MAX_POLL_RECORDS);
    this.log = new TopicLogReader("offset-reader", settings, this.partitions, this);
    this.ends = new CoalescedRequest<>(this::requestEnds);
  }

  void start() {
    log.start();
  }

  @Override
  public void onRecords(
      ConsumerRecords<byte[], byte[]> records, Map<TopicPartition, Long> positions) {
    table.apply(records);
  }

  @Override
  public void onRecreated() {
    table.clear();
  }

  @Override
  public Map<Integer, Offset> read(
      String connector, String bucket, Set<Integer> vbuckets, @Nullable Long generation) {
    await(
        KafkaFutures.await(
            ends.send(),
            "Kafka did not return the end offsets of topic \"" + topic + "\"",
            TIMEOUT));
    return table.get(connector, bucket, vbuckets, generation);
  }

  private void await(Map<TopicPartition, Long> offsets) {
    waiting.incrementAndGet();
    try {
      if (!log.await(offsets, TIMEOUT)) {
        throw new TimeoutException(
            "Topic \""
                + topic
                + "\" was not read to its end, and reading has made no progress for "
                + TIMEOUT.toSeconds()
                + " s. Check that Kafka is running, and that no transaction with records in the"
                + " topic is open.");
      }
    } catch (InterruptedException e) {
      throw new InterruptException(e);
    } finally {
      waiting.decrementAndGet();
    }
  }

  /** Returns whether a task waits for its offsets. */
  boolean isAwaited() {
    return waiting.get() > 0;
  }

  /** Returns the next offset to read, per partition. */
  Map<TopicPartition, Long> positions() {
    return log.positions();
  }

  /**
   * Returns the end offset of each partition, records of open transactions included. Does not
   * block. The request is sent after this call.
   */
  CompletableFuture<Map<TopicPartition, Long>> ends() {
    return ends.send();
  }

  private CompletableFuture<Map<TopicPartition, Long>> requestEnds() {
    return admin
        .listOffsets(
            partitions.stream().collect(Collectors.toMap(p -> p, p -> OffsetSpec.latest())))
        .all()
        .thenApply(
            found ->
                found.entrySet().stream()
                    .collect(Collectors.toMap(Map.Entry::getKey, end -> end.getValue().offset())))
        .toCompletionStage()
        .toCompletableFuture();
  }

  /** Stops reading. A waiting task fails. Blocks for 5 s at most. */
  @Override
  public void close() {
    log.close();
  }
}
