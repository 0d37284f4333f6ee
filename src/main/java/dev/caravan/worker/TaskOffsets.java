// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.ConnectorConfig;
import dev.caravan.connector.TaskConfig;
import dev.caravan.offset.OffsetStore;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerConfig;

/**
 * Gives each task the offset store that its guarantee needs: in the offsets topic at least, and for
 * exactly once with a transaction that the task's records are part of. Safe for use by several
 * threads.
 */
final class TaskOffsets {
  /** A transaction doesn't last longer, so there is no use in waiting longer for a record of it. */
  private static final int DELIVERY_TIMEOUT_MS = 15_000;

  private static final int REQUEST_TIMEOUT_MS = 10_000;

  private final String group;
  private final Map<String, Object> producerSettings;
  private final OffsetTopic topic;
  private final SharedProducers producers;

  TaskOffsets(WorkerConfig config, OffsetTopic topic, SharedProducers producers) {
    this.group = config.groupId();
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
   */
  OffsetStore open(TaskConfig task, long generation) {
    ConnectorConfig connector = task.connector();
    if (!connector.isExactlyOnce()) {
      return topic.of(connector.name());
    }
    TransactionalId id = new TransactionalId(group, connector.name(), generation, task.task());
    Map<String, Object> settings = new HashMap<>(producerSettings);
    settings.put(ProducerConfig.CLIENT_ID_CONFIG, task.producerClientId());
    TransactionalProducer producer = new TransactionalProducer(id.toString(), settings);
    producers.lend(task.producerClientId(), producer);
    return topic.of(id, producer, task.transactionInterval());
  }

  /** Ends what {@link #open} began, when the task has stopped. */
  void close(TaskConfig task) {
    producers.takeBack(task.producerClientId());
  }
}
