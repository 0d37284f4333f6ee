// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.TaskFactory;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker: runs its share of the connectors that are in its config topic, and takes changes to
 * them. All workers of a group give the same answers.
 *
 * <p>Questions and changes are answered by futures, which fail with a {@link
 * ConnectorNotFoundException}, a {@link ConnectorExistsException}, a {@link
 * ConcurrentChangeException}, an {@link dev.caravan.connector.InvalidConnectorConfigException}, or,
 * when Kafka did not acknowledge a change, a {@link org.apache.kafka.common.KafkaException}. No
 * answer waits for Couchbase. Safe for use by several threads.
 */
public final class Worker implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(20);
  private static final Duration ABORT_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration TICK = Duration.ofMillis(250);

  private final Deque<Runnable> closing = new ArrayDeque<>();
  private final CompletableFuture<Void> refusal = new CompletableFuture<>();
  private final WorkerConfig config;
  private final KafkaCluster cluster;
  private final String clusterId;
  private final ScheduledExecutorService herderThread;
  private final GroupLease lease;
  private final OffsetTopic offsets;
  private final TaskDelivery delivery;
  private final Herder herder;
  private volatile String workerId = "";

  /**
   * Makes a worker that knows its connectors and answers, but runs nothing before {@link #run}.
   * Blocks until the config topic is read.
   *
   * @throws org.apache.kafka.common.KafkaException if Kafka can't be reached or refuses, or if one
   *     of the worker's topics is of the wrong kind or another group uses it
   */
  public Worker(WorkerConfig config, TaskFactory taskFactory, SharedProducers producers) {
    this.config = config;
    this.lease = new GroupLease(config.leaseTimeout());
    this.herderThread =
        opened(
            Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "herder")),
            Worker::shutdown);
    ExecutorService lifecycle =
        opened(
            Executors.newSingleThreadExecutor(task -> new Thread(task, "task-lifecycle")),
            Worker::shutdown);
    try {
      this.cluster = opened(new KafkaCluster(config), KafkaCluster::close);
      this.clusterId = cluster.id();
      this.offsets = opened(new OffsetTopic(config, cluster), OffsetTopic::close);
      StatusLog statuses = opened(new StatusLog(config, cluster), StatusLog::close);
      ConfigLog configs =
          opened(
              new ConfigLog(config, cluster, this::configured, refusal::completeExceptionally),
              ConfigLog::close);
      this.delivery =
          opened(new TaskDelivery(config, cluster, offsets, producers, lease), TaskDelivery::close);
      this.herder =
          new Herder(
              herderThread,
              lifecycle,
              this::workerId,
              configs,
              statuses,
              config.internalTopics(),
              taskFactory,
              delivery,
              lease,
              refusal);
      configs.start();
    } catch (RuntimeException e) {
      release();
      throw e;
    }
  }

  private <T> T opened(T resource, Consumer<T> close) {
    closing.push(() -> close.accept(resource));
    return resource;
  }

  private void configured(ConfigView view) {
    herderThread.execute(() -> herder.configured(view));
  }

  private String workerId() {
    return workerId;
  }

  /**
   * Joins the group, without waiting for it; the tasks that it gives to this worker start.
   *
   * @param id {@code host:port}, by which others know this worker
   */
  public synchronized void run(String id) {
    workerId = id;
    GroupMembership membership =
        opened(
            new GroupMembership(
                config.groupSettings(), config.internalTopics(), cluster, herder.member(), lease),
            GroupMembership::close);
    membership.start();
    opened(
            offsets.abandonedTransactions(config.groupId(), herder.transactionTasks()),
            AbandonedTransactions::close)
        .start();
    herderThread.scheduleWithFixedDelay(
        this::tick, TICK.toMillis(), TICK.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void tick() {
    try {
      herder.tick();
    } catch (RuntimeException e) {
      // The next one must come, whatever this is.
      LOG.error("The tasks could not be looked after", e);
    }
  }

  /**
   * Fails when the worker can't be in its group, now or ever, with an exception that says why; then
   * it is good for nothing. Never completes otherwise.
   */
  public CompletableFuture<Void> refusal() {
    return refusal.copy();
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

  /** Has a connector's tasks deliver nothing, and stay where they are, after the answer. */
  public CompletableFuture<Void> pause(String name) {
    return change(() -> herder.setTargetState(name, TargetState.PAUSED));
  }

  /** Ends what {@link #pause} or {@link #stop} began, after the answer. */
  public CompletableFuture<Void> resume(String name) {
    return change(() -> herder.setTargetState(name, TargetState.STARTED));
  }

  /** Takes a connector's tasks away, and keeps its configuration, after the answer. */
  public CompletableFuture<Void> stop(String name) {
    return change(() -> herder.setTargetState(name, TargetState.STOPPED));
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

  /**
   * Stops all tasks, closes their producers, and then leaves the group, so that others have the
   * tasks at once. Blocks for half a minute at most.
   */
  @Override
  public synchronized void close() {
    if (closing.isEmpty()) {
      return;
    }
    CompletableFuture<Void> stopped = change(herder::stop);
    if (!await(stopped, STOP_TIMEOUT)) {
      LOG.warn(
          "Not all tasks stopped within {} s: what they have on its way to Kafka is discarded",
          STOP_TIMEOUT.toSeconds());
      delivery.abort();
      await(stopped, ABORT_TIMEOUT);
    }
    // Before the worker leaves its group.
    delivery.close();
    release();
  }

  private static boolean await(CompletableFuture<Void> stopped, Duration timeout) {
    try {
      stopped.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      LOG.error("The tasks could not be stopped", e);
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void release() {
    while (!closing.isEmpty()) {
      try {
        closing.pop().run();
      } catch (RuntimeException e) {
        LOG.warn("Something could not be closed in order: {}", e.toString());
      }
    }
  }

  private static void shutdown(ExecutorService thread) {
    thread.shutdown();
    try {
      if (!thread.awaitTermination(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
        thread.shutdownNow();
      }
    } catch (InterruptedException e) {
      thread.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
