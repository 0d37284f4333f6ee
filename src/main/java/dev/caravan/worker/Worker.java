// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.TaskFactory;
import dev.caravan.worker.config.ConcurrentChangeException;
import dev.caravan.worker.config.ConfigSnapshot;
import dev.caravan.worker.config.ConfigTopic;
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
 * A worker: runs its share of the connectors in the config topic, and changes them. All workers of
 * a group answer alike.
 *
 * <p>Queries and changes return futures. They fail with a {@link ConnectorNotFoundException}, a
 * {@link ConnectorExistsException}, a {@link ConcurrentChangeException} or an {@link
 * dev.caravan.connector.InvalidConnectorConfigException}. A change that Kafka did not acknowledge
 * fails with a {@link org.apache.kafka.common.KafkaException}. Nothing waits for Couchbase, and
 * queries don't wait for Kafka. Changes wait in memory, and the caller has to limit them. The
 * caller completes {@code unwanted} to cancel a change. A cancelled change is not made, unless it
 * is already being written, and fails with a {@link java.util.concurrent.CancellationException}.
 * Thread-safe.
 */
public final class Worker implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);

  /** The time for tasks to finish what they have begun. */
  private static final Duration TASKS_TIME = Duration.ofSeconds(12);

  private static final Duration ABORT_TIME = Duration.ofSeconds(2);
  private static final Duration CLOSE_TIME = Duration.ofSeconds(3);

  /**
   * The maximum duration of the warm-up. Measured: 2.4 s without a class archive, 0.8 s with one.
   */
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
   * Creates a worker that answers queries but runs no tasks before {@link #run}. Blocks until the
   * config topic is read.
   *
   * @throws org.apache.kafka.common.KafkaException if a request to Kafka fails, if an internal
   *     topic does not fit, or if another group uses it
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
          opened("The offsets topic", new OffsetTopic(config, cluster), OffsetTopic::close);
      StatusTopic statusTopic =
          opened("The status topic", new StatusTopic(config, cluster), StatusTopic::close);
      ConfigTopic configs =
          opened(
              "The config topic",
              new ConfigTopic(
                  config, cluster, this::onConfigSnapshot, fatalError::completeExceptionally),
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
   * A resource to close when the worker stops.
   *
   * @param what the name of the resource, for the log
   */
  private record Closing(String what, Runnable close) {}

  private <T> T opened(String what, T resource, Consumer<T> close) {
    closing.push(new Closing(what, () -> close.accept(resource)));
    return resource;
  }

  private void onConfigSnapshot(ConfigSnapshot snapshot) {
    onHerder(() -> herder.onConfigSnapshot(snapshot));
  }

  private String workerId() {
    return workerId;
  }

  /**
   * Joins the group, without waiting for it; the assigned tasks then start. If there are
   * connectors, the task factory warms up first, for 3 s at most. No task moves to this worker
   * during that time.
   *
   * @param id the {@code host:port} of this worker
   */
  public synchronized void run(String id) {
    workerId = id;
    query(herder::exampleTask)
        .join()
        .ifPresent(example -> taskFactory.warmUp(example, WARM_UP_TIME));
    GroupMembership membership =
        opened(
            "The group membership",
            new GroupMembership(
                config.groupSettings(), config.internalTopics(), cluster, herder.member(), lease),
            GroupMembership::close);
    membership.start();
    opened(
            "The check for abandoned transactions",
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
   * Runs a step of the herder and logs its failure, which an executor would hide. Does not throw,
   * so that periodic steps continue.
   */
  private static void guarded(Runnable step) {
    try {
      step.run();
    } catch (Throwable e) {
      LOG.error("A step of the herder failed", e);
    }
  }

  /**
   * Returns a future that fails when the worker can't be in its group, with an exception that gives
   * the reason. The worker must then be closed. The future never completes normally.
   */
  public CompletableFuture<Void> fatalError() {
    return fatalError.copy();
  }

  /** Returns the id of the Kafka cluster. */
  public String kafkaClusterId() {
    return clusterId;
  }

  /** Returns the names of all connectors. */
  public CompletableFuture<List<String>> connectors() {
    return query(herder::names);
  }

  /**
   * Returns a page of connectors, ordered by name. To read all connectors, call this again with the
   * last name of each page. Each page has the state of its own time.
   *
   * @param after the name before the first connector; empty to start with the first one
   * @return a few tens of connectors at most, with shortened traces; none after the last connector
   */
  public CompletableFuture<List<ConnectorDetails>> connectorsAfter(String after) {
    return query(() -> herder.page(after));
  }

  /** Creates a connector. Its tasks start after the future completes. */
  public CompletableFuture<ConnectorInfo> create(
      String name, Map<String, String> config, CompletableFuture<Void> unwanted) {
    return change(() -> herder.create(name, config, unwanted));
  }

  /** Creates or changes a connector. Its tasks are replaced after the future completes. */
  public CompletableFuture<PutResult> putConfig(
      String name, Map<String, String> config, CompletableFuture<Void> unwanted) {
    return change(() -> herder.put(name, config, unwanted));
  }

  /**
   * Deletes a connector. Its offsets are kept: a new connector of the same name continues from
   * them.
   */
  public CompletableFuture<Void> delete(String name, CompletableFuture<Void> unwanted) {
    return change(() -> herder.delete(name, unwanted));
  }

  /**
   * Pauses a connector: its tasks stay assigned but deliver nothing. Takes effect after the future
   * completes.
   */
  public CompletableFuture<Void> pause(String name, CompletableFuture<Void> unwanted) {
    return change(() -> herder.setTargetState(name, TargetState.PAUSED, unwanted));
  }

  /**
   * Resumes a connector after {@link #pause} or {@link #stop}. Takes effect after the future
   * completes.
   */
  public CompletableFuture<Void> resume(String name, CompletableFuture<Void> unwanted) {
    return change(() -> herder.setTargetState(name, TargetState.STARTED, unwanted));
  }

  /**
   * Stops a connector: it keeps its configuration but has no tasks. Takes effect after the future
   * completes.
   */
  public CompletableFuture<Void> stop(String name, CompletableFuture<Void> unwanted) {
    return change(() -> herder.setTargetState(name, TargetState.STOPPED, unwanted));
  }

  /** Returns the configuration of a connector. */
  public CompletableFuture<ConnectorInfo> info(String name) {
    return query(() -> herder.info(name));
  }

  /** Returns the status of a connector and its tasks. */
  public CompletableFuture<ConnectorStatus> status(String name) {
    return query(() -> herder.status(name));
  }

  /** Returns the tasks of a connector. */
  public CompletableFuture<List<TaskInfo>> tasks(String name) {
    return query(() -> herder.tasks(name));
  }

  private <T> CompletableFuture<T> query(Supplier<T> query) {
    return CompletableFuture.supplyAsync(query, herderThread);
  }

  private <T> CompletableFuture<T> change(Supplier<CompletableFuture<T>> change) {
    return query(change).thenCompose(Function.identity());
  }

  /** Closes as {@link #close(StopDeadline)} does, within {@link StopDeadline#STOP_TIME}. */
  @Override
  public void close() {
    close(new StopDeadline(StopDeadline.STOP_TIME));
  }

  /**
   * Stops all tasks, closes their producers, and then leaves the group, so that others get the
   * tasks at once. Blocks until the deadline at most. What does not stop in time is abandoned and
   * logged.
   */
  public synchronized void close(StopDeadline deadline) {
    if (closing.isEmpty()) {
      return;
    }
    CompletableFuture<Void> stopped = change(herder::stop);
    if (!deadline.await("Draining the tasks", TASKS_TIME, stopped)) {
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
