// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.ConnectorConfig;
import dev.caravan.connector.InvalidConnectorConfigException;
import dev.caravan.connector.TaskFactory;
import dev.caravan.worker.ConnectorStatus.Part;
import dev.caravan.worker.ConnectorStatus.State;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides what runs on this worker: it knows the connectors, checks and writes changes to them, and
 * has tasks started and stopped.
 *
 * <p>Not thread-safe: every method runs on one thread, the herder thread, and none blocks. What may
 * block is done by others: the config topic writes on a thread of its own, and tasks start and stop
 * on the lifecycle thread, in the order in which that was decided. Changes are made one after the
 * other, each when Kafka has acknowledged the one before.
 */
final class Herder {
  private static final Logger LOG = LoggerFactory.getLogger(Herder.class);

  private final Executor thread;
  private final Executor lifecycle;
  private final ConfigTopic configTopic;
  private final Set<String> internalTopics;
  private final TaskFactory taskFactory;
  private final TaskDelivery taskDelivery;

  private final Map<String, Connector> connectors = new TreeMap<>();

  private CompletableFuture<?> lastChange = CompletableFuture.completedFuture(null);
  private boolean running;
  private String workerId = "";

  /**
   * @param thread runs what is handed to it on the herder thread
   * @param lifecycle runs what is handed to it one after the other, on a thread that may block
   * @param internalTopics no connector may write to these
   * @param taskDelivery gives tasks their offset stores
   */
  Herder(
      Executor thread,
      Executor lifecycle,
      ConfigTopic configTopic,
      Set<String> internalTopics,
      TaskFactory taskFactory,
      TaskDelivery taskDelivery) {
    this.thread = thread;
    this.lifecycle = lifecycle;
    this.configTopic = configTopic;
    this.internalTopics = internalTopics;
    this.taskFactory = taskFactory;
    this.taskDelivery = taskDelivery;
  }

  /** Takes over the connectors that were there before this worker; their tasks wait. */
  void load(Map<String, ConfigTopic.Stored> stored) {
    stored.forEach(
        (name, record) ->
            connectors.put(name, connector(name, record.properties(), record.offset())));
  }

  /** Starts the tasks of all connectors, and from now on those of new ones at once. */
  void run(String id) {
    workerId = id;
    running = true;
    connectors.values().forEach(this::startTasks);
  }

  List<String> names() {
    return List.copyOf(connectors.keySet());
  }

  ConnectorInfo info(String name) {
    return find(name).info();
  }

  List<TaskInfo> tasks(String name) {
    List<TaskInfo> tasks = new ArrayList<>();
    for (ManagedTask task : find(name).tasks()) {
      Map<String, String> config = new LinkedHashMap<>(task.config().connector().properties());
      config.put("vbuckets", task.config().vbuckets());
      tasks.add(new TaskInfo(task.config().task(), config));
    }
    return tasks;
  }

  ConnectorStatus status(String name) {
    Connector connector = connectors.get(name);
    if (connector == null) {
      throw new ConnectorNotFoundException("No status found for connector " + name);
    }
    Part self =
        connector.error().isEmpty()
            ? new Part(running ? State.RUNNING : State.UNASSIGNED, workerId, "")
            : new Part(State.FAILED, workerId, connector.error());
    return new ConnectorStatus(
        name, self, connector.tasks().stream().map(task -> task.status(workerId)).toList());
  }

  CompletableFuture<ConnectorInfo> create(String name, Map<String, String> properties) {
    check(properties);
    return change(
        () -> {
          if (connectors.containsKey(name)) {
            throw new ConnectorExistsException(name);
          }
          return write(name, properties);
        });
  }

  CompletableFuture<PutResult> put(String name, Map<String, String> properties) {
    check(properties);
    return change(
        () -> {
          Connector old = connectors.get(name);
          if (old != null && old.properties().equals(properties) && !old.isFailed()) {
            // Tools put the same configuration again and again; streams need not break for that.
            return CompletableFuture.completedFuture(new PutResult(old.info(), false));
          }
          return write(name, properties).thenApply(info -> new PutResult(info, old == null));
        });
  }

  CompletableFuture<Void> delete(String name) {
    return change(
        () -> {
          find(name);
          return configTopic
              .write(new ConfigRecord(name, null))
              .thenAcceptAsync(
                  written -> {
                    stopTasks(connectors.remove(name));
                    LOG.info("Connector {} deleted", name);
                  },
                  thread);
        });
  }

  /** Stops all tasks; after this, only questions are answered. */
  void stop() {
    running = false;
    connectors.values().forEach(this::stopTasks);
  }

  /** Makes a change when all changes before it are made or have failed. */
  private <T> CompletableFuture<T> change(Supplier<CompletableFuture<T>> change) {
    CompletableFuture<T> done =
        lastChange
            .handleAsync((result, failure) -> null, thread)
            .thenCompose(ignored -> change.get());
    lastChange = done;
    return done;
  }

  private CompletableFuture<ConnectorInfo> write(String name, Map<String, String> properties) {
    return configTopic
        .write(new ConfigRecord(name, properties))
        .thenApplyAsync(offset -> replace(name, properties, offset), thread);
  }

  private ConnectorInfo replace(String name, Map<String, String> properties, long offset) {
    Connector connector = connector(name, properties, offset);
    Connector old = connectors.put(name, connector);
    if (old != null) {
      stopTasks(old);
    }
    LOG.info("Connector {} {}", name, old == null ? "created" : "changed");
    if (running) {
      startTasks(connector);
    }
    return connector.info();
  }

  private Connector connector(String name, Map<String, String> properties, long generation) {
    try {
      ConnectorConfig config = check(properties);
      if (!config.name().equals(name)) {
        throw new InvalidConnectorConfigException(
            List.of("Its properties name another connector, " + config.name()));
      }
      config.warnOfUnknownProperties();
      List<ManagedTask> tasks =
          config.tasks().stream()
              .map(task -> new ManagedTask(task, generation, taskFactory, taskDelivery))
              .toList();
      return new Connector(name, properties, tasks, "");
    } catch (InvalidConnectorConfigException e) {
      LOG.error("Connector {} can't run: {}", name, e.getMessage());
      return new Connector(name, properties, List.of(), String.valueOf(e.getMessage()));
    }
  }

  private ConnectorConfig check(Map<String, String> properties) {
    ConnectorConfig config = ConnectorConfig.parse(properties);
    List<String> errors = new ArrayList<>();
    for (String bucket : config.buckets()) {
      String topic = config.topic(bucket);
      if (internalTopics.contains(topic)) {
        errors.add(
            "Invalid value "
                + Objects.requireNonNullElse(properties.get(ConnectorConfig.TOPIC), "")
                + " for configuration "
                + ConnectorConfig.TOPIC
                + ": the topic of bucket \""
                + bucket
                + "\" would be \""
                + topic
                + "\", which the worker needs for itself");
      }
    }
    if (!errors.isEmpty()) {
      throw new InvalidConnectorConfigException(errors);
    }
    return config;
  }

  private void startTasks(Connector connector) {
    for (ManagedTask task : connector.tasks()) {
      lifecycle.execute(task::start);
    }
  }

  private void stopTasks(Connector connector) {
    connector.tasks().forEach(ManagedTask::retire);
    for (ManagedTask task : connector.tasks()) {
      lifecycle.execute(task::stop);
    }
  }

  private Connector find(String name) {
    Connector connector = connectors.get(name);
    if (connector == null) {
      throw new ConnectorNotFoundException("Connector " + name + " not found");
    }
    return connector;
  }

  /**
   * A connector of this worker.
   *
   * @param error why it can't run, for one whose stored configuration is not valid here; else empty
   */
  private record Connector(
      String name, Map<String, String> properties, List<ManagedTask> tasks, String error) {
    ConnectorInfo info() {
      return new ConnectorInfo(
          name, properties, tasks.stream().map(task -> task.config().task()).toList());
    }

    boolean isFailed() {
      return tasks.stream().anyMatch(ManagedTask::isFailed);
    }
  }
}
