// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.TaskFactory;
import dev.caravan.worker.config.ConcurrentChangeException;
import dev.caravan.worker.config.ConfigTopic;
import dev.caravan.worker.config.ConfigSnapshot;
import dev.caravan.worker.config.ConnectorInfo;
import dev.caravan.worker.config.TargetState;
import dev.caravan.worker.delivery.AbandonedTransactions;
import dev.caravan.worker.delivery.OffsetTopic;
import dev.caravan.worker.delivery.SharedProducers;
import dev.caravan.worker.delivery.TaskDelivery;
import dev.caravan.worker.group.GroupLease;
import dev.caravan.worker.group.GroupMembership;
import dev.caravan.worker.kafka.KafkaCluster;
import dev.caravan.worker.kafka.WorkerConfig;
import dev.caravan.worker.status.ConnectorStatus;
import dev.caravan.worker.status.StatusTopic;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
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
 * answer waits for Couchbase, and no question waits for Kafka. Changes wait in memory: to limit
 * them is for the caller, who says by {@code unwanted} that nobody waits for one any more. It fails
 * with a {@link java.util.concurrent.CancellationException} then, and is not made, unless it is
 * being written already. Safe for use by several threads.
 */
public final class Worker implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);

  /** What tasks have to finish what they have begun. */
  private static final Duration TASKS_TIME = Duration.ofSeconds(12);

  private static final Duration ABORT_TIME = Duration.ofSeconds(2);
  private static final Duration CLOSE_TIME = Duration.ofSeconds(3);

  /** Measured: 2.4 s without a class archive, 0.8 s with one. */
  private static final Duration WARM_UP_TIME = Duration.ofSeconds(3);

  private static final Duration TICK = Duration.ofMillis(250);

  private final Deque<Closing> closing = new ArrayDeque<>();
  private final CompletableFuture<Void> fatalError = new CompletableFuture<>();
  private final WorkerConfig config;
  private final TaskFactory taskFactory;
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
    this.taskFactory = taskFactory;
    this.lease = new GroupLease(config.leaseTimeout());
    this.herderThread =
        opened(
            "The herder thread",
            Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "herder")),
            Worker::shutdown);
    ExecutorService lifecycle =
        opened(
            "The lifecycle thread",
            Executors.newSingleThreadExecutor(task -> new Thread(task, "task-lifecycle")),
            Worker::shutdown);
    try {
      this.cluster = opened("The admin client", new KafkaCluster(config), KafkaCluster::close);
      this.clusterId = cluster.id();
      this.offsets =
          opened("The offset topic", new OffsetTopic(config, cluster), OffsetTopic::close);
      StatusTopic statusTopic =
          opened("The status topic", new StatusTopic(config, cluster), StatusTopic::close);
      ConfigTopic configs =
          opened(
              "The config topic",
              new ConfigTopic(config, cluster, this::configured, fatalError::completeExceptionally),
              ConfigTopic::close);
      this.delivery =
          opened(
              "The delivery",
              new TaskDelivery(config, cluster, offsets, producers, lease),
              TaskDelivery::close);
      this.herder =
          new Herder(
              this::onHerder,
              lifecycle,
              this::workerId,
              configs,
              statusTopic,
              config.internalTopics(),
              taskFactory,
              delivery,
              lease,
              fatalError);
      configs.start();
    } catch (RuntimeException e) {
      release(new StopDeadline(StopDeadline.STOP_TIME));
      throw e;
    }
  }

  /**
   * @param what it is, for the log
   */
  private record Closing(String what, Runnable close) {}

  private <T> T opened(String what, T resource, Consumer<T> close) {
    closing.push(new Closing(what, () -> close.accept(resource)));
    return resource;
  }

  private void configured(ConfigSnapshot snapshot) {
    onHerder(() -> herder.configured(snapshot));
  }

  private String workerId() {
    return workerId;
  }

  /**
   * Joins the group, without waiting for it; the tasks that it gives to this worker start. If there
   * are connectors, the task factory warms up first, for 3 s at most: nobody waits for a worker
   * that has not joined yet.
   *
   * @param id {@code host:port}, by which others know this worker
   */
  public synchronized void run(String id) {
    workerId = id;
    ask(herder::exampleTask).join().ifPresent(example -> taskFactory.warmUp(example, WARM_UP_TIME));
    GroupMembership membership =
        opened(
            "The group membership",
            new GroupMembership(
                config.groupSettings(), config.internalTopics(), cluster, herder.member(), lease),
            GroupMembership::close);
    membership.start();
    opened(
            "The watch over transactions",
            offsets.abandonedTransactions(config.groupId(), herder.transactionTasks()),
            AbandonedTransactions::close)
        .start();
    herderThread.scheduleWithFixedDelay(
        this::tick, TICK.toMillis(), TICK.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void tick() {
    guarded(() -> herder.tick());
  }

  private void onHerder(Runnable step) {
    herderThread.execute(() -> guarded(step));
  }

  /**
   * An executor keeps to itself what its tasks fail with; the next one must come, whatever it is.
   */
  private static void guarded(Runnable step) {
    try {
      step.run();
    } catch (Throwable e) {
      LOG.error("A step of the herder failed", e);
    }
  }

  /**
   * Fails when the worker can't be in its group, now or ever, with an exception that says why; then
   * it is good for nothing. Never completes otherwise.
   */
  public CompletableFuture<Void> fatalError() {
    return fatalError.copy();
  }

  /** The id of the Kafka cluster. */
  public String kafkaClusterId() {
    return clusterId;
  }

  /** The names of all connectors. */
  public CompletableFuture<List<String>> connectors() {
    return ask(herder::names);
  }

  /**
   * Some connectors, in the order of their names. To walk through all, ask again with the last
   * name; each answer is of its own time.
   *
   * @param after the first one has the next greater name; empty for the first of all
   * @return a few tens at most, with their traces cut; none if there are no more
   */
  public CompletableFuture<List<ConnectorDetails>> connectorsAfter(String after) {
    return ask(() -> herder.page(after));
  }

  /** Creates a connector; its tasks start after the answer. */
  public CompletableFuture<ConnectorInfo> create(
      String name, Map<String, String> config, CompletableFuture<Void> unwanted) {
    return change(() -> herder.create(name, config, unwanted));
  }

  /** Creates a connector, or changes it; its tasks are replaced after the answer. */
  public CompletableFuture<PutResult> putConfig(
      String name, Map<String, String> config, CompletableFuture<Void> unwanted) {
    return change(() -> herder.put(name, config, unwanted));
  }

  /** Deletes a connector. Its offsets stay: a connector of the same name goes on from them. */
  public CompletableFuture<Void> delete(String name, CompletableFuture<Void> unwanted) {
    return change(() -> herder.delete(name, unwanted));
  }

  /** Has a connector's tasks deliver nothing, and stay where they are, after the answer. */
  public CompletableFuture<Void> pause(String name, CompletableFuture<Void> unwanted) {
    return change(() -> herder.setTargetState(name, TargetState.PAUSED, unwanted));
  }

  /** Ends what {@link #pause} or {@link #stop} began, after the answer. */
  public CompletableFuture<Void> resume(String name, CompletableFuture<Void> unwanted) {
    return change(() -> herder.setTargetState(name, TargetState.STARTED, unwanted));
  }

  /** Takes a connector's tasks away, and keeps its configuration, after the answer. */
  public CompletableFuture<Void> stop(String name, CompletableFuture<Void> unwanted) {
    return change(() -> herder.setTargetState(name, TargetState.STOPPED, unwanted));
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

  /** Stops as {@link #close(StopDeadline)} does, within {@link StopDeadline#STOP_TIME}. */
  @Override
  public void close() {
    close(new StopDeadline(StopDeadline.STOP_TIME));
  }

  /**
   * Stops all tasks, closes their producers, and then leaves the group, so that others have the
   * tasks at once. Blocks until the deadline at most; what does not stop is given up and logged.
   */
  public synchronized void close(StopDeadline deadline) {
    if (closing.isEmpty()) {
      return;
    }
    CompletableFuture<Void> stopped = change(herder::stop);
    if (!deadline.await("What tasks have on its way to Kafka", TASKS_TIME, stopped)) {
      delivery.abort();
      deadline.await("The last task", ABORT_TIME, stopped);
    }
    // Before the worker leaves its group.
    deadline.close("The producers of the tasks", CLOSE_TIME, delivery::close);
    release(deadline);
  }

  private void release(StopDeadline deadline) {
    while (!closing.isEmpty()) {
      Closing next = closing.pop();
      deadline.close(next.what(), CLOSE_TIME, next.close());
    }
  }

  private static void shutdown(ExecutorService thread) {
    thread.shutdown();
    try {
      if (!thread.awaitTermination(CLOSE_TIME.toMillis(), TimeUnit.MILLISECONDS)) {
        thread.shutdownNow();
      }
    } catch (InterruptedException e) {
      thread.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
