// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.TaskFactory;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker: runs the connectors that are in its config topic, and takes changes to them.
 *
 * <p>Questions and changes are answered by futures, which fail with a {@link
 * ConnectorNotFoundException}, a {@link ConnectorExistsException}, an {@link
 * dev.caravan.connector.InvalidConnectorConfigException}, or, when Kafka did not acknowledge a
 * change, a {@link org.apache.kafka.common.KafkaException}. No answer waits for Couchbase. Safe for
 * use by several threads.
 */
public final class Worker implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(30);

  private final KafkaCluster cluster;
  private final String clusterId;
  private final ConfigTopic configTopic;
  private final OffsetTopic offsetTopic;
  private final ExecutorService herderThread;
  private final ExecutorService lifecycleThread;
  private final Herder herder;

  /**
   * Makes a worker that knows its connectors and answers, but runs nothing before {@link #run}.
   * Blocks until the config topic is read.
   *
   * @throws org.apache.kafka.common.KafkaException if Kafka can't be reached or refuses, or if the
   *     config topic is of the wrong kind
   */
  public Worker(WorkerConfig config, TaskFactory taskFactory, SharedProducers producers) {
    KafkaCluster kafka = new KafkaCluster(config);
    this.cluster = kafka;
    this.clusterId = orClose(kafka::id, kafka);
    OffsetTopic offsets = orClose(() -> new OffsetTopic(config, kafka), kafka);
    this.offsetTopic = offsets;
    ConfigTopic configs = orClose(() -> new ConfigTopic(config, kafka), offsets, kafka);
    this.configTopic = configs;
    Map<String, ConfigTopic.Stored> connectors =
        orClose(() -> configs.read(kafka), configs, offsets, kafka);
    this.herderThread = singleThread("herder");
    this.lifecycleThread = singleThread("task-lifecycle");
    this.herder =
        new Herder(
            herderThread,
            lifecycleThread,
            configs,
            config.internalTopics(),
            taskFactory,
            new TaskDelivery(config, kafka, offsets, producers));
    herderThread.execute(() -> herder.load(connectors));
  }

  /** Does a step of starting; if it fails, closes what was opened before. */
  private static <T> T orClose(Supplier<T> step, AutoCloseable... opened) {
    try {
      return step.get();
    } catch (RuntimeException e) {
      for (AutoCloseable closed : opened) {
        try {
          closed.close();
        } catch (Exception suppressed) {
          e.addSuppressed(suppressed);
        }
      }
      throw e;
    }
  }

  private static ExecutorService singleThread(String name) {
    return Executors.newSingleThreadExecutor(task -> new Thread(task, name));
  }

  /**
   * Starts the tasks of all connectors, without waiting for them.
   *
   * @param workerId {@code host:port}, by which others know this worker
   */
  public void run(String workerId) {
    herderThread.execute(() -> herder.run(workerId));
  }

  /** The id of the Kafka cluster. */
  public String kafkaClusterId() {
    return clusterId;
  }

  /** The names of all connectors. */
  public CompletableFuture<List<String>> connectors() {
    return ask(herder::names);
  }

  /** Creates a connector; its tasks start after the answer. */
  public CompletableFuture<ConnectorInfo> create(String name, Map<String, String> config) {
    return change(() -> herder.create(name, config));
  }

  /** Creates a connector, or changes it; its tasks are replaced after the answer. */
  public CompletableFuture<PutResult> putConfig(String name, Map<String, String> config) {
    return change(() -> herder.put(name, config));
  }

  /** Deletes a connector. Its offsets stay: a connector of the same name goes on from them. */
  public CompletableFuture<Void> delete(String name) {
    return change(() -> herder.delete(name));
  }

  /** What a connector is. */
  public CompletableFuture<ConnectorInfo> info(String name) {
    return ask(() -> herder.info(name));
  }

  /** How a connector and its tasks are doing. */
  public CompletableFuture<ConnectorStatus> status(String name) {
    return ask(() -> herder.status(name));
  }

  /** The tasks of a connector. */
  public CompletableFuture<List<TaskInfo>> tasks(String name) {
    return ask(() -> herder.tasks(name));
  }

  private <T> CompletableFuture<T> ask(Supplier<T> question) {
    return CompletableFuture.supplyAsync(question, herderThread);
  }

  private <T> CompletableFuture<T> change(Supplier<CompletableFuture<T>> change) {
    return ask(change).thenCompose(Function.identity());
  }

  /** Stops all tasks and the worker. Blocks for half a minute at most. */
  @Override
  public void close() {
    herderThread.execute(herder::stop);
    shutdown(herderThread);
    shutdown(lifecycleThread);
    configTopic.close();
    offsetTopic.close();
    cluster.close();
  }

  private static void shutdown(ExecutorService thread) {
    thread.shutdown();
    try {
      if (!thread.awaitTermination(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("Not all tasks stopped within {} s", STOP_TIMEOUT.toSeconds());
        thread.shutdownNow();
      }
    } catch (InterruptedException e) {
      thread.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
