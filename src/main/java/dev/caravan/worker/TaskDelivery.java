// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.ConnectorConfig;
import dev.caravan.connector.ErrorTolerantProducer;
import dev.caravan.connector.TaskConfig;
import dev.caravan.offset.OffsetStore;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;

/**
 * Gives each task the offset store that its guarantee needs: in the offsets topic at least, and for
 * exactly once with a transaction that the task's records are part of. Safe for use by several
 * threads.
 */
final class TaskDelivery {
  /** A transaction doesn't last longer, so there is no use in waiting longer for a record of it. */
  private static final int DELIVERY_TIMEOUT_MS = 15_000;

  private static final int REQUEST_TIMEOUT_MS = 10_000;

  private final String group;
  private final String clientIdPrefix;
  private final Map<String, Object> producerSettings;
  private final KafkaCluster cluster;
  private final OffsetTopic topic;
  private final SharedProducers producers;
  private final GroupLease lease;

  TaskDelivery(
      WorkerConfig config,
      KafkaCluster cluster,
      OffsetTopic topic,
      SharedProducers producers,
      GroupLease lease) {
    this.lease = lease;
    this.cluster = cluster;
    this.group = config.groupId();
    this.clientIdPrefix = config.clientIdPrefix();
    this.producerSettings = transactionalSettings(config);
    this.topic = topic;
    this.producers = producers;
  }

  private static Map<String, Object> transactionalSettings(WorkerConfig config) {
    Map<String, Object> settings = new HashMap<>(SharedProducers.defaults());
    settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, config.bootstrapServers());
    settings.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, 1);
    settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, DELIVERY_TIMEOUT_MS);
    settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, REQUEST_TIMEOUT_MS);
    settings.putAll(config.producerSettings());
    return settings;
  }

  /**
   * The store of a task that is about to start. For a task that delivers exactly once, its kafka
   * endpoints get the transaction's producer until {@link #close}.
   *
   * @param generation of the set of tasks that this is one of
   * @param claim of the assignment that the task starts for
   */
  OffsetStore open(TaskConfig task, long generation, TransactionClaim claim) {
    ConnectorConfig connector = task.connector();
    deadLetterTopic(task);
    if (!connector.isExactlyOnce()) {
      producers.assign(task.routeId(), shared -> tolerant(task, shared));
      return topic.of(connector, generation);
    }
    TransactionalId id = new TransactionalId(group, connector.name(), generation, task.task());
    Map<String, Object> settings = new HashMap<>(producerSettings);
    settings.put(ProducerConfig.CLIENT_ID_CONFIG, clientIdPrefix + task.producerClientId());
    TransactionalProducer producer = new TransactionalProducer(id.toString(), settings);
    producers.assign(task.routeId(), shared -> tolerant(task, producer));
    return topic.of(
        id, connector, producer, claim, task.transactionInterval(), task.transactionTimeout());
  }

  private Producer<byte[], byte[]> tolerant(TaskConfig task, Producer<byte[], byte[]> producer) {
    return ErrorTolerantProducer.of(
        task, new LeasedProducer(producer, lease), producers.executor());
  }

  /** Makes the task's dead-letter topic, if it has one that isn't there. */
  private void deadLetterTopic(TaskConfig task) {
    ConnectorConfig connector = task.connector();
    connector
        .deadLetterTopic()
        .ifPresent(name -> cluster.make(name, connector.deadLetterReplication()));
  }

  /** Ends what {@link #open} began, when the task has stopped. */
  void close(TaskConfig task) {
    producers.forget(task.routeId());
  }
}
