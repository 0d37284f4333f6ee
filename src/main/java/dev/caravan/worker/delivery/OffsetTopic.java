// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.connector.ConnectorConfig;
import dev.caravan.offset.KafkaOffsetStore;
import dev.caravan.offset.OffsetStore;
import dev.caravan.offset.TransactionalOffsetStore;
import dev.caravan.worker.kafka.KafkaCluster;
import dev.caravan.worker.kafka.WorkerConfig;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The topic with the offsets of all connectors, and the clients that its stores share. Thread-safe.
 */
public final class OffsetTopic implements AutoCloseable {
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

  private final String topic;
  private final ReplaceableProducer producer;
  private final OffsetTopicReader reader;
  private final TransactionFencer fencer;
  private final ExecutorService writer =
      Executors.newSingleThreadExecutor(task -> new Thread(task, "offset-topic-writer"));

  /**
   * Opens the topic, creates it if it does not exist, and starts to read it.
   *
   * @throws org.apache.kafka.common.config.ConfigException if the topic exists but does not fit
   * @throws org.apache.kafka.common.KafkaException if a request to Kafka fails
   */
  public OffsetTopic(WorkerConfig config, KafkaCluster cluster) {
    int partitions = cluster.ensureTopic(config.offsetTopic());
    this.topic = config.offsetTopic().name();
    Map<String, Object> producerSettings = config.internalProducerSettings();
    this.producer =
        new ReplaceableProducer(
            () ->
                new KafkaProducer<>(
                    producerSettings, new ByteArraySerializer(), new ByteArraySerializer()));
    this.fencer = new TransactionFencer(cluster.admin());
    this.reader =
        new OffsetTopicReader(
            topic, partitions, config.internalConsumerSettings(), cluster.admin());
    reader.start();
  }

  /**
   * Creates the check for abandoned transactions in this topic. The caller starts and closes it.
   */
  public AbandonedTransactions abandonedTransactions(
      String group, AbandonedTransactions.Tasks tasks) {
    return new AbandonedTransactions(reader, fencer, group, tasks);
  }

  /** Returns the producer of offsets outside transactions. */
  ReplaceableProducer producer() {
    return producer;
  }

  /**
   * Returns the offset store of an at-least-once task.
   *
   * @param generation the config generation of the task
   * @param through the producer that sends the offsets
   */
  OffsetStore of(ConnectorConfig connector, long generation, TaskProducer through) {
    return store(connector, generation, through, writer);
  }

  /**
   * Returns the offset store of an exactly-once task, which commits offsets and records in one
   * transaction.
   *
   * @param through the producer that sends the offsets and the records
   */
  TransactionalOffsetStore of(
      TransactionalId id,
      ConnectorConfig connector,
      TransactionalProducer through,
      TransactionClaim claim,
      Duration commitInterval,
      Duration transactionTimeout) {
    return new TaskTransactions(
        id,
        through,
        // On the lane's own thread: it may wait for Kafka, and the order of records and offsets is
        // kept.
        store(connector, id.generation(), through, Runnable::run),
        fencer,
        claim,
        commitInterval,
        transactionTimeout);
  }

  private OffsetStore store(
      ConnectorConfig connector,
      long generation,
      Producer<byte[], byte[]> through,
      Executor executor) {
    KafkaOffsetStore all = new KafkaOffsetStore(connector.name(), topic, through, reader, executor);
    return connector.ignoresEarlierOffsets() ? all.ofConfigGeneration(generation) : all;
  }

  @Override
  public void close() {
    reader.close();
    writer.shutdown();
    producer.close(CLOSE_TIMEOUT);
  }
}
