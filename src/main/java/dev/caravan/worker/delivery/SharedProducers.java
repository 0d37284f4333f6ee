// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.connector.TaskConfig;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.apache.camel.CamelContext;
import org.apache.camel.component.kafka.DefaultKafkaClientFactory;
import org.apache.camel.component.kafka.KafkaComponent;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;

/**
 * The Kafka producers of a worker. camel-kafka would create one for each kafka endpoint of each
 * route, each with its own buffer and thread. Here all tasks with equal settings share one, so that
 * one buffer limits their outstanding records. An exactly-once task has a producer of its own.
 *
 * <p>A producer stays open until the worker stops or the producer is aborted. A route that stops
 * does not close it. Thread-safe.
 */
public final class SharedProducers extends DefaultKafkaClientFactory implements AutoCloseable {
  private static final int CALLBACK_THREADS = 2;
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

  private final Map<String, Object> settings;
  private final Map<Properties, ReplaceableProducer> producers = new ConcurrentHashMap<>();
  private final Map<String, Function<ReplaceableProducer, Producer<byte[], byte[]>>> tasks =
      new ConcurrentHashMap<>();
  private final ExecutorService callbacks =
      Executors.newFixedThreadPool(CALLBACK_THREADS, task -> new Thread(task, "kafka-callbacks"));

  /**
   * Creates the producers of a worker.
   *
   * @param settings the producer settings of the worker's configuration, which override all others
   */
  public SharedProducers(Map<String, Object> settings) {
    this.settings = Map.copyOf(settings);
  }

  /**
   * Makes the kafka endpoints of a Camel context use these producers, and run their callbacks on a
   * few shared threads instead of twenty each.
   */
  public void shareIn(CamelContext context) {
    KafkaComponent kafka = context.getComponent("kafka", KafkaComponent.class);
    kafka.setKafkaClientFactory(this);
    kafka.getConfiguration().setWorkerPool(callbacks);
  }

  /**
   * Makes the kafka endpoints of a task use the task's own view of a producer.
   *
   * @param task the route id of the task
   * @param producer creates the view from the shared producer
   */
  void assign(String task, Function<ReplaceableProducer, Producer<byte[], byte[]>> producer) {
    tasks.put(task, producer);
  }

  /** Undoes {@link #assign}. Closes no producer. */
  void forget(String task) {
    tasks.remove(task);
  }

  @Override
  @SuppressWarnings("rawtypes") // camel-kafka declares the raw type
  public Producer getProducer(Properties endpointSettings) {
    Properties all = new Properties();
    all.putAll(endpointSettings);
    Object task = all.remove(TaskConfig.PRODUCER_SETTING);
    all.putAll(defaults());
    all.putAll(settings);
    ReplaceableProducer shared =
        producers.computeIfAbsent(
            all, made -> new ReplaceableProducer(() -> new KafkaProducer<>(made)));
    return task == null
        ? new Unassigned(shared)
        : tasks.getOrDefault(task, Unassigned::new).apply(shared);
  }

  /** The view of an endpoint that does not belong to a task. */
  private static final class Unassigned extends DelegatingProducer<byte[], byte[]> {
    private final ReplaceableProducer shared;

    Unassigned(ReplaceableProducer shared) {
      this.shared = shared;
    }

    @Override
    protected Producer<byte[], byte[]> producer() {
      return shared.current().producer();
    }
  }

  /**
   * Returns the default settings of the tasks' producers. The worker's configuration overrides
   * them.
   */
  public static Map<String, Object> defaults() {
    return Map.of(
        ProducerConfig.ACKS_CONFIG,
        "all",
        ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG,
        true,
        // Wait for Kafka without limit, as Kafka Connect does. A timeout would only fail the task,
        // which then had to read the change from Couchbase again.
        ProducerConfig.MAX_BLOCK_MS_CONFIG,
        Long.MAX_VALUE,
        ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG,
        Integer.MAX_VALUE,
        // A document may have 20 MiB. The topic's own limit applies.
        ProducerConfig.MAX_REQUEST_SIZE_CONFIG,
        32 * 1024 * 1024,
        ProducerConfig.LINGER_MS_CONFIG,
        5,
        ProducerConfig.BATCH_SIZE_CONFIG,
        128 * 1024,
        ProducerConfig.COMPRESSION_TYPE_CONFIG,
        "lz4");
  }

  /**
   * Aborts all producers. New ones are created when they are needed. Does not block.
   *
   * @return completes when they are closed
   */
  CompletableFuture<Void> abort() {
    return CompletableFuture.allOf(
        producers.values().stream()
            .map(ReplaceableProducer::abort)
            .toArray(CompletableFuture[]::new));
  }

  /** Closes the producers. Records that are not sent within 5 s are discarded. */
  @Override
  public void close() {
    producers.values().forEach(producer -> producer.close(CLOSE_TIMEOUT));
    producers.clear();
    callbacks.shutdown();
  }
}
