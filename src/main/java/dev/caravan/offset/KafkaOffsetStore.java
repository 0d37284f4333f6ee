// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a connector's offsets in a compacted Kafka topic, in the records of Kafka Connect and the
 * official Couchbase connector, so that either goes on where the other stopped.
 *
 * <p>The producer and the reader belong to the caller. Safe for use by several threads.
 */
public final class KafkaOffsetStore implements OffsetStore {
  private final String connector;
  private final String topic;
  private final Producer<byte[], byte[]> producer;
  private final OffsetReader reader;
  private final Executor writer;
  private final @Nullable Long generation;

  /**
   * @param connector under whose name the offsets are kept
   * @param topic the offsets topic, which is there
   * @param producer waits for all replicas
   * @param reader reads the topic
   * @param writer runs one thing after the other; the producer may block there while Kafka does not
   *     answer
   */
  public KafkaOffsetStore(
      String connector,
      String topic,
      Producer<byte[], byte[]> producer,
      OffsetReader reader,
      Executor writer) {
    this(connector, topic, producer, reader, writer, null);
  }

  /**
   * @param generation of the connector's configuration: offsets are written with it, and those of
   *     other generations are left out; null to take and write offsets without it
   */
  private KafkaOffsetStore(
      String connector,
      String topic,
      Producer<byte[], byte[]> producer,
      OffsetReader reader,
      Executor writer,
      @Nullable Long generation) {
    this.connector = connector;
    this.topic = topic;
    this.producer = producer;
    this.reader = reader;
    this.writer = writer;
    this.generation = generation;
  }

  /**
   * The same store as one configuration of the connector sees it that starts anew: without the
   * offsets of other configurations. Its own offsets are found by every later store without a
   * generation.
   */
  public KafkaOffsetStore ofGeneration(long configuration) {
    return new KafkaOffsetStore(connector, topic, producer, reader, writer, configuration);
  }

  @Override
  public Map<Integer, Offset> load(String bucket, Collection<Integer> vbuckets) {
    return reader.read(connector, bucket, Set.copyOf(vbuckets), generation);
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
                            new OffsetKey(connector, bucket, entry.getKey()),
                            entry.getValue(),
                            generation)))
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
