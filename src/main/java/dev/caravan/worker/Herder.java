// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.ConnectorConfig;
import dev.caravan.connector.InvalidConnectorConfigException;
import dev.caravan.connector.TaskConfig;
import dev.caravan.connector.TaskFactory;
import dev.caravan.worker.config.ConfigChange;
import dev.caravan.worker.config.ConfigRecord;
import dev.caravan.worker.config.ConfigSnapshot;
import dev.caravan.worker.config.ConfigSnapshot.StoredConnector;
import dev.caravan.worker.config.ConfigTopic;
import dev.caravan.worker.config.Connector;
import dev.caravan.worker.config.ConnectorInfo;
import dev.caravan.worker.config.TargetState;
import dev.caravan.worker.config.TargetStateRecord;
import dev.caravan.worker.delivery.AbandonedTransactions;
import dev.caravan.worker.delivery.TaskDelivery;
import dev.caravan.worker.delivery.TransactionalId;
import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.GroupLease;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import dev.caravan.worker.group.RebalanceListener;
import dev.caravan.worker.group.TaskGeneration;
import dev.caravan.worker.group.TaskOwnership;
import dev.caravan.worker.group.WorkerCoordinator;
import dev.caravan.worker.group.WorkerCoordinator.CurrentAssignment;
import dev.caravan.worker.group.WorkerCoordinator.DesiredTasks;
import dev.caravan.worker.status.ConnectorStatus;
import dev.caravan.worker.status.ConnectorStatus.State;
import dev.caravan.worker.status.StatusTopic;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides what runs on this worker: the tasks that the group has assigned to it, as far as the
 * config topic still has them.
 *
 * <p>Not thread-safe: all methods run on the herder thread, and none blocks. Other threads write
 * the config topic, poll the group, and start and stop tasks in the order of the herder's
 * decisions.
 */
final class Herder implements WorkerCoordinator.Listener {
  private static final Logger LOG = LoggerFactory.getLogger(Herder.class);

  /** The number of connectors and tasks on a page. The last connector may exceed it. */
  private static final int PAGE_TASKS = 32;

  /** The maximum number of characters of a trace on a page. */
  private static final int PAGE_TRACE = 4096;

  /**
   * After this many calls of {@link #tick}, a leader that is behind reads the config topic to its
   * end.
   */
  private static final int CATCH_UP_TICKS = 4;

  private final Executor thread;
  private final ConfigTopic configTopic;
  private final Set<String> internalTopics;
  private final WorkerCoordinator coordinator;
  private final TaskOwnership ownership = new TaskOwnership();
  private final LocalTasks tasks;
  private final TaskDelivery delivery;
  private final StatusPublisher statusPublisher;
  private final CompletableFuture<Void> fatalError;
  private final CompletableFuture<Void> stopped = new CompletableFuture<>();

  private ConfigSnapshot snapshot = ConfigSnapshot.EMPTY;
  private final SortedMap<String, Connector> connectors = new TreeMap<>();
  private final Map<Long, Connector> connectorsByGeneration = new HashMap<>();
  private List<TaskGeneration> desiredTasks = List.of();
  private CurrentAssignment assigned = CurrentAssignment.NOTHING;
  private boolean isStopping;
  private int ticksBehind;
  private boolean isCatchingUp;

  /**
   * Creates a herder.
   *
   * @param thread runs tasks on the herder thread
   * @param lifecycle runs tasks in order on a thread that may block
   * @param workerId returns the {@code host:port} of this worker
   * @param internalTopics the topics that no connector may write to
   * @param taskDelivery provides the producers of tasks
   * @param fatalError completed exceptionally when the worker can't be in its group
   */
  Herder(
      Executor thread,
      Executor lifecycle,
      Supplier<String> workerId,
      ConfigTopic configTopic,
      StatusTopic statusTopic,
      Set<String> internalTopics,
      TaskFactory taskFactory,
      TaskDelivery taskDelivery,
      GroupLease lease,
      CompletableFuture<Void> fatalError) {
    this.thread = thread;
    this.configTopic = configTopic;
    this.internalTopics = Set.copyOf(internalTopics);
    this.fatalError = fatalError;
    this.coordinator = new WorkerCoordinator(workerId, ownership, lease, thread, this);
    this.delivery = taskDelivery;
    this.tasks =
        new LocalTasks(thread, lifecycle, taskFactory, taskDelivery, ownership, this::reconcile);
    this.statusPublisher = new StatusPublisher(workerId, statusTopic, tasks);
  }

  /** Returns the listener for rebalances of the group. */
  RebalanceListener member() {
    return coordinator;
  }

  /** Returns the view of tasks for {@link AbandonedTransactions}. Thread-safe. */
  AbandonedTransactions.Tasks transactionTasks() {
    return new AbandonedTransactions.Tasks() {
      @Override
      public boolean isLeader() {
        return coordinator.isLeader();
      }

      @Override
      public boolean isAbandoned(TransactionalId id) {
        return coordinator.isAbandoned(new TaskKey(id.generation(), id.task()));
      }
    };
  }

  /** Handles a new snapshot of the config topic. */
  void onConfigSnapshot(ConfigSnapshot given) {
    // Skip snapshots that are already outdated.
    ConfigSnapshot read = configTopic.snapshot();
    ConfigSnapshot newer = read.isNewerThan(given) ? read : given;
    if (!newer.isNewerThan(snapshot)) {
      return;
    }
    // Maps without a change are the same instances as in the previous snapshot.
    boolean isChanged =
        newer.connectors() != snapshot.connectors()
            || newer.targetStates() != snapshot.targetStates();
    snapshot = newer;
    if (isChanged) {
      updateConnectors();
      desiredTasks = desiredTasks();
    }
    coordinator.setDesiredTasks(new DesiredTasks(snapshot.offset(), desiredTasks));
    reconcile();
  }

  /** Updates the connectors after a change of the config topic. */
  private void updateConnectors() {
    snapshot
        .connectors()
        .forEach(
            (name, stored) -> {
              Connector known = connectors.get(name);
              if (known == null || known.generation() != stored.generation()) {
                forget(known);
                Connector connector = Connector.of(name, stored, internalTopics);
                connectors.put(name, connector);
                connectorsByGeneration.put(connector.generation(), connector);
              }
            });
    if (connectors.size() > snapshot.connectors().size()) {
      for (Connector connector : List.copyOf(connectors.values())) {
        if (snapshot.connector(connector.name()) == null) {
          LOG.info("Connector \"{}\" is deleted.", connector.name());
          connectors.remove(connector.name());
          forget(connector);
        }
      }
    }
  }

  private void forget(@Nullable Connector connector) {
    if (connector != null) {
      connectorsByGeneration.remove(connector.generation());
    }
  }

  private List<TaskGeneration> desiredTasks() {
    List<TaskGeneration> sets = new ArrayList<>();
    connectors.forEach(
        (name, connector) -> {
          if (!connector.tasks().isEmpty() && snapshot.targetState(name) != TargetState.STOPPED) {
            sets.add(new TaskGeneration(name, connector.generation(), connector.tasks().size()));
          }
        });
    return sets;
  }

  @Override
  public void onAssigned() {
    reconcile();
  }

  @Override
  public void onLeaseStarted() {
    reconcile();
  }

  @Override
  public void onLost() {
    // Stop the tasks first, so that they don't report the aborted producers as failures.
    reconcile();
    delivery.abort();
  }

  @Override
  public void onFatalError(RuntimeException reason) {
    fatalError.completeExceptionally(reason);
  }

  /** Starts and stops tasks so that exactly the assigned ones run. */
  private void reconcile() {
    CurrentAssignment latest = coordinator.currentAssignment();
    if (coordinator.isLost()) {
      // A lost assignment never runs again, even if the next one can't be applied yet.
      assigned = assigned.withoutTasks();
    } else if (latest.assignment().configOffset() <= snapshot.offset()) {
      assigned = latest;
    }
    boolean mayRun = coordinator.mayRunTasks() && !isStopping;
    tasks.run(mayRun ? assignedTasks() : Map.of());
    if (!coordinator.isLost()) {
      ownership.onApplied(assigned.own(), connectorsByGeneration::containsKey);
      statusPublisher.correct(connectors, isStopping ? assigned.withoutTasks() : assigned);
    }
    coordinator.setStoppingTasks(tasks.isStopping());
    if (tasks.isEmpty()) {
      coordinator.allTasksStopped();
    }
    if (isStopping && tasks.isEmpty()) {
      stopped.complete(null);
    }
  }

  /** Returns a task of any connector that is not paused or stopped; empty if there is none. */
  Optional<TaskConfig> exampleTask() {
    return connectors.values().stream()
        .filter(connector -> snapshot.targetState(connector.name()) == TargetState.STARTED)
        .flatMap(connector -> connector.tasks().stream())
        .findFirst();
  }

  private Map<TaskKey, TaskConfig> assignedTasks() {
    Map<TaskKey, TaskConfig> result = new LinkedHashMap<>();
    for (OwnedTasks set : assigned.own()) {
      Connector connector = connectorsByGeneration.get(set.generation());
      if (connector != null && snapshot.targetState(connector.name()) == TargetState.STARTED) {
        set.tasks().stream()
            .filter(task -> task < connector.tasks().size())
            .forEach(
                task ->
                    result.put(new TaskKey(set.generation(), task), connector.tasks().get(task)));
      }
    }
    return result;
  }

  /** Restarts failed tasks and publishes statuses. Called several times a second. */
  void tick() {
    if (!isStopping) {
      tasks.restartFailed(Instant.now());
      if (!coordinator.isLost()) {
        statusPublisher.publish(connectorsByGeneration, snapshot, assigned);
        statusPublisher.correct(connectors, assigned);
      }
      catchUp();
    }
  }

  /**
   * Reads the config topic to its end if this worker leads the group and has been behind other
   * workers for some time.
   */
  private void catchUp() {
    OptionalLong awaited = coordinator.awaitedConfigOffset();
    if (awaited.isEmpty() || isCatchingUp) {
      ticksBehind = 0;
    } else if (++ticksBehind == CATCH_UP_TICKS) {
      isCatchingUp = true;
      LOG.info(
          "Other workers have read the config topic to offset {}, and this worker, the leader of the"
              + " group, to offset {}. It assigns no more tasks until it has read the rest.",
          awaited.getAsLong(),
          snapshot.offset());
      configTopic
          .write(newest -> List.of())
          .whenCompleteAsync(
              (newer, failure) -> {
                isCatchingUp = false;
                if (failure == null) {
                  onConfigSnapshot(newer);
                  coordinator.onConfigTopicEnd(awaited.getAsLong());
                }
              },
              thread);
    }
  }

  List<String> names() {
    return List.copyOf(connectors.keySet());
  }

  /**
   * Returns a page of connectors, ordered by name. It is small, so that the herder thread is not
   * blocked for long.
   *
   * @param after the name before the first connector; empty to start with the first one
   * @return an empty page after the last connector
   */
  List<ConnectorDetails> page(String after) {
    List<ConnectorDetails> page = new ArrayList<>();
    int tasks = 0;
    for (Connector connector : connectors.tailMap(after + '\0').values()) {
      TargetState target = snapshot.targetState(connector.name());
      page.add(
          new ConnectorDetails(
              connector.info(),
              statusPublisher.of(connector, target, assigned).withTracesOf(PAGE_TRACE)));
      tasks += 1 + connector.tasks().size();
      if (tasks >= PAGE_TASKS) {
        break;
      }
    }
    return page;
  }

  ConnectorInfo info(String name) {
    return find(name).info();
  }

  List<TaskInfo> tasks(String name) {
    List<TaskInfo> result = new ArrayList<>();
    for (TaskConfig task : find(name).tasks()) {
      result.add(new TaskInfo(task.task(), task.connector().properties(), task.vbuckets()));
    }
    return result;
  }

  ConnectorStatus status(String name) {
    Connector connector = connectors.get(name);
    if (connector == null) {
      throw new ConnectorNotFoundException("No status found for connector " + name);
    }
    return statusPublisher.of(connector, snapshot.targetState(name), assigned);
  }

  CompletableFuture<ConnectorInfo> create(
      String name, Map<String, String> properties, CompletableFuture<Void> unwanted) {
    check(properties);
    return write(
        name,
        newest -> {
          if (newest.connector(name) != null) {
            throw new ConnectorExistsException(name);
          }
          return List.of(new ConfigRecord(name, properties));
        },
        unwanted);
  }

  CompletableFuture<PutResult> put(
      String name, Map<String, String> properties, CompletableFuture<Void> unwanted) {
    check(properties);
    boolean hasFailed = connectors.containsKey(name) && hasFailedTask(name);
    AtomicBoolean isNew = new AtomicBoolean();
    return write(
            name,
            newest -> {
              StoredConnector old = newest.connector(name);
              isNew.set(old == null);
              refuseUnsupportedClass(name, old);
              // Tools put the same configuration repeatedly; this must not interrupt the streams.
              return old != null && old.properties().equals(properties) && !hasFailed
                  ? List.of()
                  : List.of(new ConfigRecord(name, properties));
            },
            unwanted)
        .thenApply(info -> new PutResult(info, isNew.get()));
  }

  private boolean hasFailedTask(String name) {
    return status(name).tasks().stream().anyMatch(task -> task.state() == State.FAILED);
  }

  private CompletableFuture<ConnectorInfo> write(
      String name,
      Function<ConfigSnapshot, List<ConfigChange>> change,
      CompletableFuture<Void> unwanted) {
    return configTopic
        .write(change, unwanted)
        .thenApplyAsync(
            newer -> {
              onConfigSnapshot(newer);
              ConnectorInfo info = info(name);
              statusPublisher.forgetTasks(name, info.tasks().size());
              return info;
            },
            thread);
  }

  CompletableFuture<Void> delete(String name, CompletableFuture<Void> unwanted) {
    return configTopic
        .write(
            newest -> {
              StoredConnector old = newest.connector(name);
              if (old == null) {
                throw new ConnectorNotFoundException("Connector " + name + " not found");
              }
              refuseUnsupportedClass(name, old);
              return List.of(new ConfigRecord(name, null), new TargetStateRecord(name, null));
            },
            unwanted)
        .thenAcceptAsync(
            newer -> {
              onConfigSnapshot(newer);
              if (!connectors.containsKey(name)) {
                statusPublisher.forget(name);
              }
            },
            thread);
  }

  /**
   * Changes the target state of a connector. Writes nothing if it has that state already.
   *
   * @return completes when the change is committed; fails with a {@link ConnectorNotFoundException}
   *     if the connector does not exist
   */
  CompletableFuture<Void> setTargetState(
      String name, TargetState state, CompletableFuture<Void> unwanted) {
    return configTopic
        .write(
            newest -> {
              StoredConnector stored = newest.connector(name);
              if (stored == null) {
                throw new ConnectorNotFoundException("Connector " + name + " not found");
              }
              refuseUnsupportedClass(name, stored);
              return newest.targetState(name) == state
                  ? List.of()
                  : List.of(new TargetStateRecord(name, state));
            },
            unwanted)
        .thenAcceptAsync(this::onConfigSnapshot, thread);
  }

  private void refuseUnsupportedClass(String name, @Nullable StoredConnector stored) {
    if (stored != null) {
      Connector connector = Connector.of(name, stored, internalTopics);
      if (connector.isUnsupportedClass()) {
        throw new InvalidConnectorConfigException(
            List.of(
                "Connector \""
                    + name
                    + "\" can't be changed here: "
                    + connector.error()
                    + ". Change it in the program that runs it, or use another name."));
      }
    }
  }

  /**
   * Stops all tasks.
   *
   * @return completes when all tasks are released
   */
  CompletableFuture<Void> stop() {
    isStopping = true;
    coordinator.leave();
    reconcile();
    return stopped;
  }

  private void check(Map<String, String> properties) {
    ConnectorConfig.parse(properties).refuseInternalTopics(internalTopics);
  }

  private Connector find(String name) {
    Connector connector = connectors.get(name);
    if (connector == null) {
      throw new ConnectorNotFoundException("Connector " + name + " not found");
    }
    return connector;
  }
}
