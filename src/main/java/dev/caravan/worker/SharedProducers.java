// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.camel.CamelContext;
import org.apache.camel.component.kafka.DefaultKafkaClientFactory;
import org.apache.camel.component.kafka.KafkaComponent;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;

/**
 * The Kafka producers of a worker. camel-kafka would make one for each kafka node of each route,
 * each with a buffer and a thread of its own; here, all tasks with equal settings share one, so
 * that one buffer bounds what they all have on their way to Kafka. A task that delivers exactly
 * once has one of its own, which its client id tells.
 *
 * <p>A producer lives as long as the worker: a route that stops leaves it open for the others. Safe
 * for use by several threads.
 */
public final class SharedProducers extends DefaultKafkaClientFactory implements AutoCloseable {
  private static final int CALLBACK_THREADS = 2;
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

  private final Map<String, Object> settings;
  private final Map<Properties, Producer<?, ?>> producers = new ConcurrentHashMap<>();
  private final Map<String, Producer<?, ?>> lent = new ConcurrentHashMap<>();
  private final ExecutorService callbacks =
      Executors.newFixedThreadPool(CALLBACK_THREADS, task -> new Thread(task, "kafka-callbacks"));

  /**
   * @param settings producer settings of the worker's configuration, which win over all others
   */
  public SharedProducers(Map<String, Object> settings) {
    this.settings = Map.copyOf(settings);
  }

  /**
   * Makes a context's kafka endpoints take their producers from here, and run their callbacks on a
   * few threads together instead of twenty each.
   */
  public void shareIn(CamelContext context) {
    KafkaComponent kafka = context.getComponent("kafka", KafkaComponent.class);
    kafka.setKafkaClientFactory(this);
    kafka.getConfiguration().setWorkerPool(callbacks);
  }

  /** Makes the kafka endpoints with this client id use a producer of their own. */
  void lend(String clientId, Producer<?, ?> producer) {
    lent.put(clientId, producer);
  }

  /** Ends what {@link #lend} began; the producer stays open. */
  void takeBack(String clientId) {
    lent.remove(clientId);
  }

  @Override
  @SuppressWarnings("rawtypes") // as camel-kafka declares it
  public Producer getProducer(Properties endpointSettings) {
    Producer<?, ?> own =
        lent.get(endpointSettings.getProperty(ProducerConfig.CLIENT_ID_CONFIG, ""));
    if (own != null) {
      return own;
    }
    Properties all = new Properties();
    all.putAll(endpointSettings);
    all.putAll(defaults());
    all.putAll(settings);
    return new SharedProducer<>(producers.computeIfAbsent(all, KafkaProducer::new));
  }

  /** What the producers of tasks have unless the worker's configuration says otherwise. */
  public static Map<String, Object> defaults() {
    return Map.of(
        ProducerConfig.ACKS_CONFIG,
        "all",
        ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG,
        true,
        // Kafka that does not answer is waited for, as Kafka Connect does: giving up would only
        // fail the task, and the change would have to be read from Couchbase once more.
        ProducerConfig.MAX_BLOCK_MS_CONFIG,
        Long.MAX_VALUE,
        ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG,
        Integer.MAX_VALUE,
        // Documents may have 20 MiB; what a topic takes is for the broker to say.
        ProducerConfig.MAX_REQUEST_SIZE_CONFIG,
        32 * 1024 * 1024,
        ProducerConfig.LINGER_MS_CONFIG,
        5,
        ProducerConfig.BATCH_SIZE_CONFIG,
        128 * 1024,
        ProducerConfig.COMPRESSION_TYPE_CONFIG,
        "lz4");
  }

  /** Closes the producers; what they could not send within a few seconds is discarded. */
  @Override
  public void close() {
    producers.values().forEach(producer -> producer.close(CLOSE_TIMEOUT));
    producers.clear();
    callbacks.shutdown();
  }
}
