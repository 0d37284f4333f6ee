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
 * The Kafka producers of a worker. camel-kafka would make one for each kafka node of each route,
 * each with a buffer and a thread of its own; here, all tasks with equal settings share one, so
 * that one buffer bounds what they all have on their way to Kafka. A task that delivers exactly
 * once has one of its own.
 *
 * <p>A producer lives as long as the worker, unless it is aborted: a route that stops leaves it
 * open for the others. Safe for use by several threads.
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

  /**
   * Makes the kafka endpoints of a task use its own view of a producer.
   *
   * @param producer makes it of the shared one
   */
  void assign(String task, Function<ReplaceableProducer, Producer<byte[], byte[]>> producer) {
    tasks.put(task, producer);
  }

  /** Ends what {@link #assign} began; no producer is closed. */
  void forget(String task) {
    tasks.remove(task);
  }

  @Override
  @SuppressWarnings("rawtypes") // as camel-kafka declares it
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

  /** The view of an endpoint that belongs to no task. */
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

  /**
   * Closes all producers without waiting for what is on its way; later, others are made. Returns at
   * once.
   *
   * @return completes when they are closed
   */
  CompletableFuture<Void> abort() {
    return CompletableFuture.allOf(
        producers.values().stream()
            .map(ReplaceableProducer::abort)
            .toArray(CompletableFuture[]::new));
  }

  /** Closes the producers; what they could not send within a few seconds is discarded. */
  @Override
  public void close() {
    producers.values().forEach(producer -> producer.close(CLOSE_TIMEOUT));
    producers.clear();
    callbacks.shutdown();
  }
}
