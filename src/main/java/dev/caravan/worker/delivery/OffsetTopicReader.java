// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.offset.Offset;
import dev.caravan.offset.OffsetReader;
import dev.caravan.offset.OffsetTable;
import dev.caravan.worker.kafka.TopicLogReader;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The offsets topic as this worker has read it: from the beginning, once, for all of its tasks.
 *
 * <p>A task that reads its offsets waits until everything that was committed before is read. That
 * takes as long as the topic is at the start of the worker, and milliseconds later. An open
 * transaction holds back what comes after its first record, see {@link AbandonedTransactions}.
 *
 * <p>Safe for use by several threads.
 */
final class OffsetTopicReader implements OffsetReader, TopicLogReader.Handler, AutoCloseable {
  /** Without any progress: a topic with a long history takes longer. */
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  /** So that a batch has many records of each key, of which only the last is parsed. */
  private static final int MAX_POLL_RECORDS = 20_000;

  private final String topic;
  private final Admin admin;
  private final TopicLogReader log;
  private final OffsetTable table = new OffsetTable();
  private final CoalescedRequest<Map<TopicPartition, Long>> ends;

  /** Guarded by this, as all that follows. */
  private final Map<TopicPartition, Long> positions = new HashMap<>();

  private int waiting;
  private long progressAt = System.nanoTime();
  private boolean isClosed;

  /**
   * @param partitions how many the topic has
   * @param admin asked for the end of the topic; belongs to the caller
   */
  OffsetTopicReader(String topic, int partitions, Map<String, Object> consumerSettings, Admin admin) {
    this.topic = topic;
    this.admin = admin;
    for (int partition = 0; partition < partitions; partition++) {
      positions.put(new TopicPartition(topic, partition), 0L);
    }
    Map<String, Object> settings = new HashMap<>(consumerSettings);
    settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, MAX_POLL_RECORDS);
    this.log = new TopicLogReader("offset-reader", settings, List.copyOf(positions.keySet()), this);
    this.ends = new CoalescedRequest<>(this::requestEnds);
  }

  void start() {
    log.start();
  }

  @Override
  public void read(ConsumerRecords<byte[], byte[]> records, Map<TopicPartition, Long> reached) {
    table.apply(records);
    synchronized (this) {
      positions.putAll(reached);
      progressAt = System.nanoTime();
      notifyAll();
    }
  }

  @Override
  public synchronized void recreated() {
    table.clear();
    positions.replaceAll((partition, position) -> 0L);
  }

  @Override
  public Map<Integer, Offset> read(
      String connector, String bucket, Set<Integer> vbuckets, @Nullable Long generation) {
    try {
      await(ends.send().get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS));
    } catch (ExecutionException | java.util.concurrent.TimeoutException e) {
      throw new KafkaException("Kafka did not give the end of topic '" + topic + "'", e);
    } catch (InterruptedException e) {
      // Sets the thread's interrupted flag again.
      throw new InterruptException(e);
    }
    return table.get(connector, bucket, vbuckets, generation);
  }

  private synchronized void await(Map<TopicPartition, Long> target) throws InterruptedException {
    long began = System.nanoTime();
    waiting++;
    try {
      while (!isReached(target)) {
        long still = System.nanoTime() - Math.max(began, progressAt);
        if (isClosed || still > TIMEOUT.toNanos()) {
          throw new TimeoutException(
              "Topic '"
                  + topic
                  + "' could not be read to its end: nothing came for "
                  + TimeUnit.NANOSECONDS.toSeconds(still)
                  + " s. Kafka does not answer, or a transaction with records in it is open");
        }
        wait(TIMEOUT.toMillis() / 10);
      }
    } finally {
      waiting--;
    }
  }

  private boolean isReached(Map<TopicPartition, Long> target) {
    return target.entrySet().stream()
        .allMatch(end -> positions.getOrDefault(end.getKey(), 0L) >= end.getValue());
  }

  /** Whether a task waits for its offsets. */
  synchronized boolean isAwaited() {
    return waiting > 0;
  }

  /** Up to which offset each partition is read. */
  synchronized Map<TopicPartition, Long> positions() {
    return Map.copyOf(positions);
  }

  /**
   * The offset after the last record of each partition, those of open transactions included.
   * Returns at once; the answer is one to a question that is asked after this call.
   */
  CompletableFuture<Map<TopicPartition, Long>> ends() {
    return ends.send();
  }

  private CompletableFuture<Map<TopicPartition, Long>> requestEnds() {
    return admin
        .listOffsets(
            positions().keySet().stream()
                .collect(Collectors.toMap(p -> p, p -> OffsetSpec.latest())))
        .all()
        .thenApply(
            found ->
                found.entrySet().stream()
                    .collect(Collectors.toMap(Map.Entry::getKey, end -> end.getValue().offset())))
        .toCompletionStage()
        .toCompletableFuture();
  }

  /** Stops reading; what waits fails. Blocks for a few seconds at most. */
  @Override
  public void close() {
    synchronized (this) {
      isClosed = true;
      notifyAll();
    }
    log.close();
  }
}
