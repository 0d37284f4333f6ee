// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a connector's offsets in a compacted Kafka topic, in the records of Kafka Connect and the
 * official Couchbase connector, so that either goes on where the other stopped.
 *
 * <p>The clients belong to the caller. Safe for use by several threads.
 */
public final class KafkaOffsetStore implements OffsetStore {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaOffsetStore.class);
  private static final Duration TIMEOUT = Duration.ofSeconds(60);
  private static final Duration POLL = Duration.ofMillis(500);

  private final String connector;
  private final String topic;
  private final Producer<byte[], byte[]> producer;
  private final Supplier<Consumer<byte[], byte[]>> consumers;
  private final Admin admin;
  private final Executor writer;
  private final @Nullable Long generation;

  /**
   * @param connector under whose name the offsets are kept
   * @param topic the offsets topic, which is there
   * @param producer waits for all replicas
   * @param consumers makes a consumer without a group, which this store closes
   * @param admin asked for the end of the topic
   * @param writer runs one thing after the other; the producer may block there while Kafka does not
   *     answer
   */
  public KafkaOffsetStore(
      String connector,
      String topic,
      Producer<byte[], byte[]> producer,
      Supplier<Consumer<byte[], byte[]>> consumers,
      Admin admin,
      Executor writer) {
    this(connector, topic, producer, consumers, admin, writer, null);
  }

  /**
   * @param generation of the connector's configuration: offsets are written with it, and those of
   *     other generations are left out; null to take and write offsets without it
   */
  private KafkaOffsetStore(
      String connector,
      String topic,
      Producer<byte[], byte[]> producer,
      Supplier<Consumer<byte[], byte[]>> consumers,
      Admin admin,
      Executor writer,
      @Nullable Long generation) {
    this.connector = connector;
    this.topic = topic;
    this.producer = producer;
    this.consumers = consumers;
    this.admin = admin;
    this.writer = writer;
    this.generation = generation;
  }

  /**
   * The same store as one configuration of the connector sees it that starts anew: without the
   * offsets of other configurations. Its own offsets are found by every later store without a
   * generation.
   */
  public KafkaOffsetStore ofGeneration(long configuration) {
    return new KafkaOffsetStore(
        connector, topic, producer, consumers, admin, writer, configuration);
  }

  /** Reads the topic to the end that it has now, so that it sees all that was saved before. */
  @Override
  public Map<Integer, Offset> load(String bucket, Collection<Integer> vbuckets) {
    Set<Integer> wanted = Set.copyOf(vbuckets);
    Map<Integer, Offset> offsets = new HashMap<>();
    long deadline = System.nanoTime() + TIMEOUT.toNanos();
    Consumer<byte[], byte[]> consumer = consumers.get();
    try {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic, TIMEOUT).stream()
              .map(info -> new TopicPartition(topic, info.partition()))
              .toList();
      if (partitions.isEmpty()) {
        // Not "no offsets": a broker that has just started may not know the topic yet.
        throw new KafkaException("Kafka does not know the offsets topic '" + topic + "' now");
      }
      Map<TopicPartition, Long> ends = ends(partitions);
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.getOrDefault(p, 0L))) {
        if (System.nanoTime() - deadline > 0) {
          throw new KafkaException(
              "The offsets topic '"
                  + topic
                  + "' could not be read to its end within "
                  + TIMEOUT.toSeconds()
                  + " s");
        }
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          apply(record, bucket, wanted, offsets);
        }
      }
    } finally {
      // At once: it would wait half a second for what it has asked for at the end of the topic.
      consumer.close(Duration.ZERO);
    }
    return offsets;
  }

  private void apply(
      ConsumerRecord<byte[], byte[]> record,
      String bucket,
      Set<Integer> wanted,
      Map<Integer, Offset> offsets) {
    OffsetRecord parsed;
    try {
      parsed = OffsetRecord.parse(record.key(), record.value());
    } catch (IOException | RuntimeException e) {
      LOG.error(
          "Skipping record {}@{} of the offsets topic {}, which can't be read: {}",
          record.partition(),
          record.offset(),
          topic,
          e.getMessage());
      return;
    }
    boolean ours = parsed.connector().equals(connector) && parsed.bucket().equals(bucket);
    if (!ours || !wanted.contains(parsed.vbucket())) {
      return;
    }
    if (parsed.offset() == null) {
      offsets.remove(parsed.vbucket());
    } else if (generation == null || generation.equals(parsed.generation())) {
      offsets.put(parsed.vbucket(), parsed.offset());
    }
  }

  /**
   * The ends of the partitions, records of open transactions included: a consumer that reads only
   * what is committed takes an open transaction for the end, and would miss what was committed
   * after it.
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
      throw new KafkaException("The end of the offsets topic '" + topic + "' is not known", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new KafkaException("Interrupted while reading the offsets topic '" + topic + "'", e);
    }
  }

  @Override
  public CompletionStage<Void> save(String bucket, Map<Integer, Offset> offsets) {
    Map<Integer, Offset> toSave = Map.copyOf(offsets);
    return CompletableFuture.supplyAsync(() -> sendAll(bucket, toSave), writer)
        .thenCompose(sent -> sent);
  }

  private CompletableFuture<Void> sendAll(String bucket, Map<Integer, Offset> offsets) {
    return CompletableFuture.allOf(
        offsets.entrySet().stream()
            .map(
                entry ->
                    send(
                        new OffsetRecord(
                            connector, bucket, entry.getKey(), entry.getValue(), generation)))
            .toArray(CompletableFuture[]::new));
  }

  private CompletableFuture<Void> send(OffsetRecord record) {
    CompletableFuture<Void> sent = new CompletableFuture<>();
    producer.send(
        new ProducerRecord<>(topic, record.key(), record.value()),
        (metadata, failure) -> {
          if (failure == null) {
            sent.complete(null);
          } else {
            sent.completeExceptionally(failure);
          }
        });
    return sent;
  }
}
