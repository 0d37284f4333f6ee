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
 * Stores the offsets of a connector in a compacted Kafka topic. The records have the format of
 * Kafka Connect and the official Couchbase connector, so that each can continue from the other's
 * offsets.
 *
 * <p>The caller owns the producer and the reader. Safe for use by several threads.
 */
public final class KafkaOffsetStore implements OffsetStore {
  private final String connector;
  private final String topic;
  private final Producer<byte[], byte[]> producer;
  private final OffsetReader reader;
  private final Executor writer;
  private final @Nullable Long generation;

  /**
   * @param connector the name of the connector
   * @param topic the offsets topic, which exists
   * @param producer the producer, with {@code acks=all}
   * @param reader reads the topic
   * @param writer runs the sends one after another; the producer may block it while Kafka does not
   *     respond
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
   * @param generation the config generation. Offsets are written with it, and those of other config
   *     generations are ignored. Null reads the offsets of all and writes offsets without one
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
   * Returns a view of this store for one config generation, without the offsets of other config
   * generations. A store without a config generation reads the offsets that the view saves.
   */
  public KafkaOffsetStore ofConfigGeneration(long configuration) {
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
