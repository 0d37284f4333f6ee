// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.connector.ConnectorConfig;
import dev.caravan.connector.TaskConfig;
import dev.caravan.worker.group.GroupLease;
import dev.caravan.worker.kafka.KafkaCluster;
import dev.caravan.worker.kafka.KafkaFutures;
import dev.caravan.worker.kafka.WorkerConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Provides each task with its producers of records and offsets and with its offset store, according
 * to its delivery guarantee. At least once, tasks share the producers. Exactly once, a task has a
 * producer whose transactions contain its records and offsets. Thread-safe.
 */
public final class TaskDelivery implements Delivery, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TaskDelivery.class);

  /** A delivery timeout longer than a transaction would be useless. */
  private static final int DELIVERY_TIMEOUT_MS = 15_000;

  private static final int REQUEST_TIMEOUT_MS = 10_000;
  private static final int TOPIC_THREADS = 4;
  private static final Duration IDLE_THREAD = Duration.ofSeconds(10);
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

  private final String group;
  private final String clientIdPrefix;
  private final Map<String, Object> producerSettings;
  private final KafkaCluster cluster;
  private final OffsetTopic topic;
  private final SharedProducers producers;
  private final GroupLease lease;
  private final DeliveryMonitor monitor;

  /** Creates dead-letter topics, so that tasks without one start meanwhile. */
  private final ThreadPoolExecutor topics =
      new ThreadPoolExecutor(
          TOPIC_THREADS,
          TOPIC_THREADS,
          IDLE_THREAD.toMillis(),
          TimeUnit.MILLISECONDS,
          new LinkedBlockingQueue<>(),
          task -> new Thread(task, "dead-letter-topics"));

  public TaskDelivery(
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
    this.monitor = new DeliveryMonitor(cluster, System::nanoTime);
    monitor.start();
    topics.allowCoreThreadTimeOut(true);
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

  /** Creates the dead-letter topic of the task if it has one that does not exist. */
  @Override
  public CompletableFuture<Void> prepare(TaskConfig task) {
    ConnectorConfig connector = task.connector();
    return connector
        .deadLetterTopic()
        .map(
            name ->
                CompletableFuture.runAsync(
                    () -> cluster.create(name, connector.deadLetterReplication()), topics))
        .orElseGet(() -> CompletableFuture.completedFuture(null));
  }

  @Override
  public TaskWriter open(TaskConfig task, long generation, TransactionClaim claim) {
    ExecutorService deadLetters = deadLetterThread(task);
    TaskWriter writer =
        task.connector().isExactlyOnce()
            ? exactlyOnce(task, generation, claim, deadLetters)
            : atLeastOnce(task, generation, deadLetters);
    monitor.add(writer);
    return writer;
  }

  /**
   * Opens an exactly-once task. Its records and offsets go through one producer of its own:
   *
   * <pre>
   * records: {@link ErrorTolerantProducer} via {@link TaskProducer} via {@link TransactionalProducer}
   * offsets: {@link TransactionalProducer}
   * </pre>
   */
  private TaskWriter exactlyOnce(
      TaskConfig task, long generation, TransactionClaim claim, ExecutorService deadLetters) {
    ConnectorConfig connector = task.connector();
    TransactionalId id = new TransactionalId(group, connector.name(), generation, task.task());
    Map<String, Object> settings = new HashMap<>(producerSettings);
    settings.put(ProducerConfig.CLIENT_ID_CONFIG, clientIdPrefix + task.producerClientId());
    TransactionalProducer producer = new TransactionalProducer(id.toString(), settings);
    AbortableProducer abortable = new AbortableProducer(producer, producer::abort);
    TaskProducer records = new TaskProducer(() -> abortable, false, lease, System::nanoTime);
    producers.assign(
        task.routeId(), shared -> ErrorTolerantProducer.of(task, records, deadLetters));
    return new TaskWriter(
        task,
        topic.of(
            id, connector, producer, claim, task.transactionInterval(), task.transactionTimeout()),
        new CopyOnWriteArrayList<>(List.of(records)),
        () -> {
          end(task, deadLetters);
          abortable.abort();
        });
  }

  /**
   * Opens an at-least-once task. Its producers are views of those that all tasks share:
   *
   * <pre>
   * records: {@link ErrorTolerantProducer} via {@link TaskProducer} via {@link SharedProducers}
   * offsets: {@link TaskProducer} via the producer of {@link OffsetTopic}
   * </pre>
   */
  private TaskWriter atLeastOnce(TaskConfig task, long generation, ExecutorService deadLetters) {
    TaskProducer offsets =
        new TaskProducer(topic.producer()::current, true, lease, System::nanoTime);
    CopyOnWriteArrayList<TaskProducer> views = new CopyOnWriteArrayList<>(List.of(offsets));
    producers.assign(
        task.routeId(),
        shared -> {
          TaskProducer records = new TaskProducer(shared::current, false, lease, System::nanoTime);
          views.add(records);
          return ErrorTolerantProducer.of(task, records, deadLetters);
        });
    return new TaskWriter(
        task, topic.of(task.connector(), generation, offsets), views, () -> end(task, deadLetters));
  }

  private void end(TaskConfig task, ExecutorService deadLetters) {
    producers.forget(task.routeId());
    // Dead letters that were not sent yet fail now, because the task sends nothing any more.
    deadLetters.shutdownNow().forEach(Runnable::run);
  }

  /**
   * Creates the thread that sends the dead letters of a task, while there are any. It may have to
   * wait for their topic. The number of waiting dead letters is limited by the number of exchanges
   * in the task's route.
   */
  private static ExecutorService deadLetterThread(TaskConfig task) {
    ThreadPoolExecutor thread =
        new ThreadPoolExecutor(
            1,
            1,
            IDLE_THREAD.toMillis(),
            TimeUnit.MILLISECONDS,
            new LinkedBlockingQueue<>(),
            letter -> new Thread(letter, "dead-letters-" + task.id()));
    thread.allowCoreThreadTimeOut(true);
    return thread;
  }

  @Override
  public CompletableFuture<Void> retire(TaskWriter writer) {
    return writer.retire().whenComplete((none, failure) -> monitor.remove(writer));
  }

  @Override
  public void release(TaskWriter writer) {
    monitor.release(writer);
  }

  /**
   * Aborts all producers of records and offsets, because others may have this worker's tasks. Does
   * not block.
   *
   * @return completes when no outstanding record can reach Kafka any more
   */
  public CompletableFuture<Void> abort() {
    List<CompletableFuture<Void>> closing = new ArrayList<>();
    for (TaskWriter writer : monitor.writers()) {
      writer.producers().forEach(view -> closing.add(view.current().abort()));
    }
    closing.add(producers.abort());
    closing.add(topic.producer().abort());
    return CompletableFuture.allOf(closing.toArray(CompletableFuture[]::new));
  }

  /** Closes all producers and discards their outstanding records. Blocks for 5 s at most. */
  @Override
  public void close() {
    topics.shutdownNow();
    monitor.close();
    try {
      KafkaFutures.await(abort(), "Not all Kafka producers were closed", CLOSE_TIMEOUT);
    } catch (KafkaException e) {
      LOG.warn("{}", e.getMessage());
    }
  }
}
