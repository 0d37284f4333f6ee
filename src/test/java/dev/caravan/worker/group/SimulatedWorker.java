// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import dev.caravan.worker.group.WorkerCoordinator.CurrentAssignment;
import dev.caravan.worker.group.WorkerCoordinator.DesiredTasks;
import dev.caravan.worker.kafka.KafkaCluster;
import dev.caravan.worker.kafka.WorkerConfig;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;

/** A worker in a real group whose tasks start and stop at once. */
final class SimulatedWorker implements WorkerCoordinator.Listener, AutoCloseable {
  /** The running tasks of all workers of a test. Thread-safe. */
  static final class Tasks {
    private final Map<TaskKey, String> running = new ConcurrentHashMap<>();
    private final ConcurrentLinkedQueue<String> doubles = new ConcurrentLinkedQueue<>();

    private void start(TaskKey task, String worker) {
      String other = running.putIfAbsent(task, worker);
      if (other != null) {
        doubles.add(task + " runs on " + other + " and on " + worker);
      }
    }

    Map<TaskKey, String> running() {
      return Map.copyOf(running);
    }

    long runningOn(String worker) {
      return running.values().stream().filter(worker::equals).count();
    }

    /** Returns the tasks that ran on two workers at the same time. */
    List<String> doubles() {
      return List.copyOf(doubles);
    }
  }

  private final String id;
  private final Tasks all;
  private final Set<TaskKey> tasks = new HashSet<>();
  private final TaskOwnership ownership = new TaskOwnership();
  private final KafkaCluster cluster;
  private final ExecutorService herder = Executors.newSingleThreadExecutor();
  private final GroupMembership membership;
  private final AtomicInteger losses = new AtomicInteger();
  private final CountDownLatch refused = new CountDownLatch(1);
  private CurrentAssignment assigned = CurrentAssignment.NOTHING;
  private boolean isStopped;
  final GroupLease lease;
  final WorkerCoordinator coordinator;

  SimulatedWorker(
      String id,
      WorkerConfig config,
      Tasks all,
      DesiredTasks wanted,
      List<Class<? extends ConsumerPartitionAssignor>> assignors) {
    this(id, config, config, all, wanted, assignors);
  }

  /**
   * @param questions how it reaches Kafka for everything but its place in the group
   */
  SimulatedWorker(
      String id,
      WorkerConfig config,
      WorkerConfig questions,
      Tasks all,
      DesiredTasks wanted,
      List<Class<? extends ConsumerPartitionAssignor>> assignors) {
    this.id = id;
    this.all = all;
    this.cluster = new KafkaCluster(questions);
    this.lease = new GroupLease(config.leaseTimeout());
    this.coordinator = new WorkerCoordinator(() -> id, ownership, lease, herder, this);
    coordinator.setDesiredTasks(wanted);
    this.membership =
        new GroupMembership(
            config.groupSettings(),
            config.internalTopics(),
            cluster,
            coordinator,
            lease,
            assignors);
    membership.start();
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
    losses.incrementAndGet();
    reconcile();
  }

  @Override
  public void onFatalError(RuntimeException reason) {
    refused.countDown();
  }

  private void reconcile() {
    assigned = coordinator.isLost() ? assigned.withoutTasks() : coordinator.currentAssignment();
    Set<TaskKey> wanted = new HashSet<>();
    if (coordinator.mayRunTasks() && !isStopped) {
      for (OwnedTasks set : assigned.own()) {
        set.tasks().stream().forEach(task -> wanted.add(new TaskKey(set.generation(), task)));
      }
    }
    for (TaskKey task : List.copyOf(tasks)) {
      if (!wanted.contains(task)) {
        tasks.remove(task);
        all.running.remove(task, id);
        ownership.release(task);
      }
    }
    for (TaskKey task : wanted) {
      if (tasks.add(task)) {
        ownership.add(task, "c" + task.generation());
        all.start(task, id);
      }
    }
    if (!coordinator.isLost()) {
      ownership.onApplied(assigned.own(), generation -> true);
    }
    if (tasks.isEmpty()) {
      coordinator.allTasksStopped();
    }
  }

  int losses() {
    return losses.get();
  }

  boolean isRefused() {
    return refused.getCount() == 0;
  }

  @Override
  public void close() {
    herder.execute(
        () -> {
          isStopped = true;
          reconcile();
        });
    coordinator.leave();
    herder.shutdown();
    membership.close();
    cluster.close();
  }
}
