// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The topic that keeps the configuration of connectors: one partition, so that all writes have one
 * order, compacted, so that the last record of each connector stays. It is the truth: a connector
 * exists when its record is in it.
 *
 * <p>Writes are sent in the order of the calls, by a thread of this class, since Kafka's producer
 * may block. Safe for use by several threads.
 */
final class ConfigTopic implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ConfigTopic.class);
  private static final Duration POLL = Duration.ofSeconds(1);
  private static final Duration READ_TIMEOUT = Duration.ofMinutes(2);
  private static final int REQUEST_TIMEOUT_MS = 10_000;
  private static final int WRITE_TIMEOUT_MS = 30_000;

  private final Map<String, Object> consumerSettings;
  private final TopicPartition partition;
  private final Producer<byte[], byte[]> producer;
  private final ExecutorService writer =
      Executors.newSingleThreadExecutor(task -> new Thread(task, "config-topic-writer"));

  /**
   * Opens the topic, and makes it if it isn't there.
   *
   * @throws org.apache.kafka.common.config.ConfigException if the topic is not of this kind
   * @throws KafkaException if Kafka can't be reached or refuses
   */
  ConfigTopic(WorkerConfig config, KafkaCluster cluster) {
    cluster.ensure(config.configTopic());
    this.partition = new TopicPartition(config.configTopic().name(), 0);
    this.consumerSettings = config.internalConsumerSettings();
    this.producer =
        new KafkaProducer<>(
            producerSettings(config), new ByteArraySerializer(), new ByteArraySerializer());
  }

  private static Map<String, Object> producerSettings(WorkerConfig config) {
    Map<String, Object> settings = new HashMap<>();
    settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, REQUEST_TIMEOUT_MS);
    settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, WRITE_TIMEOUT_MS);
    settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, WRITE_TIMEOUT_MS);
    settings.putAll(config.internalProducerSettings());
    return settings;
  }

  /**
   * Reads the topic from its beginning to its present end. A record that can't be read is logged
   * and left out, and the connector's record before it counts.
   *
   * @return what is stored of each connector
   * @throws KafkaException if that can't be done within two minutes
   */
  Map<String, Stored> read(KafkaCluster cluster) {
    // The end as it is for everybody: what a consumer of committed records takes for the end is the
    // first open transaction, and there may be committed records after it.
    long end = cluster.endOffset(partition);
    long deadline = System.nanoTime() + READ_TIMEOUT.toNanos();
    Map<String, Stored> connectors = new TreeMap<>();
    try (Consumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            consumerSettings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      while (consumer.position(partition, KafkaCluster.TIMEOUT) < end) {
        if (System.nanoTime() - deadline > 0) {
          throw new KafkaException(
              "The config topic '"
                  + partition.topic()
                  + "' could not be read to its end, offset "
                  + end
                  + ", within "
                  + READ_TIMEOUT.toSeconds()
                  + " s");
        }
        consumer.poll(POLL).records(partition).forEach(record -> apply(record, connectors));
      }
    }
    return connectors;
  }

  private void apply(ConsumerRecord<byte[], byte[]> record, Map<String, Stored> connectors) {
    Optional<String> name = ConfigRecord.connectorOf(record.key());
    if (name.isEmpty()) {
      return;
    }
    try {
      Map<String, String> properties = ConfigRecord.read(name.get(), record.value()).properties();
      if (properties == null) {
        connectors.remove(name.get());
      } else {
        connectors.put(name.get(), new Stored(properties, record.offset()));
      }
    } catch (IOException e) {
      LOG.error(
          "The record with key connector-{} at offset {} of the config topic '{}' can't be read and"
              + " is ignored: {}",
          name.get(),
          record.offset(),
          partition.topic(),
          reason(e));
    }
  }

  /** What is wrong, without the text that is wrong: it may hold a password. */
  private static String reason(IOException e) {
    return e instanceof com.fasterxml.jackson.core.JsonProcessingException json
        ? "it is not JSON, " + json.getLocation().offsetDescription()
        : String.valueOf(e.getMessage());
  }

  /**
   * Writes a connector's record.
   *
   * @return the record's offset, when Kafka has acknowledged it; failed if it did not within a
   *     minute (or what the producer's settings say): whether the record is in the topic is then
   *     unknown
   */
  CompletableFuture<Long> write(ConfigRecord record) {
    CompletableFuture<Long> written = new CompletableFuture<>();
    writer.execute(() -> send(record, written));
    return written;
  }

  private void send(ConfigRecord record, CompletableFuture<Long> written) {
    try {
      producer.send(
          new ProducerRecord<>(
              partition.topic(), partition.partition(), record.key(), record.value()),
          (metadata, failure) -> {
            if (failure == null) {
              written.complete(metadata.offset());
            } else {
              written.completeExceptionally(notWritten(record, failure));
            }
          });
    } catch (RuntimeException e) {
      written.completeExceptionally(notWritten(record, e));
    }
  }

  private KafkaException notWritten(ConfigRecord record, Exception cause) {
    return new KafkaException(
        "Kafka did not acknowledge the record of connector "
            + record.name()
            + " in the config topic '"
            + partition.topic()
            + "': "
            + cause.getMessage(),
        cause);
  }

  /**
   * A connector's latest record.
   *
   * @param offset where in the topic it is
   */
  record Stored(Map<String, String> properties, long offset) {
    /** Leaves the properties out: they may hold secrets. */
    @Override
    public String toString() {
      return "Stored[" + offset + "]";
    }
  }

  /** Closes the topic; a write that is not acknowledged yet fails. */
  @Override
  public void close() {
    writer.shutdown();
    producer.close(Duration.ofSeconds(5));
  }
}
