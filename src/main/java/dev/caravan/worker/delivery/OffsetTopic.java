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
 * The topic that keeps the offsets of all connectors of a worker, with the clients that its stores
 * share. Safe for use by several threads.
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
   * Opens the topic, makes it if it isn't there, and begins to read it.
   *
   * @throws org.apache.kafka.common.config.ConfigException if the topic is not of this kind
   * @throws org.apache.kafka.common.KafkaException if Kafka can't be reached or refuses
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

  /** Looks after transactions in this topic that no worker has; the caller starts and closes it. */
  public AbandonedTransactions abandonedTransactions(
      String group, AbandonedTransactions.Tasks tasks) {
    return new AbandonedTransactions(reader, fencer, group, tasks);
  }

  /** The producer of offsets that are not part of a transaction. */
  ReplaceableProducer producer() {
    return producer;
  }

  /**
   * The offsets of a connector, as a task of this generation has to see them.
   *
   * @param through sends them
   */
  OffsetStore of(ConnectorConfig connector, long generation, TaskProducer through) {
    return store(connector, generation, through, writer);
  }

  /**
   * The offsets of a task that are committed together with its records.
   *
   * @param through sends the offsets and the records
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
        // On the lane, which may wait for Kafka, and in the order of the records.
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
    return connector.ignoresEarlierOffsets() ? all.ofGeneration(generation) : all;
  }

  @Override
  public void close() {
    reader.close();
    writer.shutdown();
    producer.close(CLOSE_TIMEOUT);
  }
}
