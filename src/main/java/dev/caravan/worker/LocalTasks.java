// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.TaskConfig;
import dev.caravan.connector.TaskFactory;
import dev.caravan.worker.delivery.Delivery;
import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.TaskOwnership;
import dev.caravan.worker.status.ConnectorStatus.Part;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * The tasks on this worker. A task exists here from before its start until all of it is released,
 * its outstanding records included.
 *
 * <p>Not thread-safe: for the herder thread. Blocking steps run on the lifecycle thread in the
 * order of the calls.
 */
final class LocalTasks {
  private final Executor herder;
  private final Executor lifecycle;
  private final TaskFactory factory;
  private final Delivery delivery;
  private final TaskOwnership ownership;
  private final Runnable released;

  private final Map<TaskKey, ManagedTask> tasks = new HashMap<>();
  private final Set<TaskKey> stopping = new HashSet<>();

  /**
   * Creates an empty set of tasks.
   *
   * @param released called on the herder thread after the release of a task
   */
  LocalTasks(
      Executor herder,
      Executor lifecycle,
      TaskFactory factory,
      Delivery delivery,
      TaskOwnership ownership,
      Runnable released) {
    this.herder = herder;
    this.lifecycle = lifecycle;
    this.factory = factory;
    this.delivery = delivery;
    this.ownership = ownership;
    this.released = released;
  }

  /**
   * Starts and stops tasks so that exactly these run. A task that is still stopping is not started;
   * call this again after its release.
   */
  void run(Map<TaskKey, TaskConfig> wanted) {
    Set<TaskKey> unwanted = new HashSet<>(tasks.keySet());
    unwanted.removeAll(wanted.keySet());
    unwanted.removeAll(stopping);
    // Retire all of them first, so that they drain at the same time.
    unwanted.forEach(key -> task(key).retire());
    unwanted.forEach(this::stop);
    wanted.forEach(
        (key, config) -> {
          if (!tasks.containsKey(key)) {
            start(key, config);
          }
        });
  }

  private ManagedTask task(TaskKey key) {
    ManagedTask task = tasks.get(key);
    if (task == null) {
      throw new IllegalStateException("There is no task " + key);
    }
    return task;
  }

  private void start(TaskKey key, TaskConfig config) {
    ManagedTask task = new ManagedTask(config, key.generation(), factory, delivery);
    tasks.put(key, task);
    ownership.add(key, config.connector().name());
    task.start(lifecycle);
  }

  private void stop(TaskKey key) {
    stopping.add(key);
    ManagedTask task = task(key);
    lifecycle.execute(
        () -> task.release().whenComplete((none, failure) -> herder.execute(() -> release(key))));
  }

  private void release(TaskKey key) {
    tasks.remove(key);
    stopping.remove(key);
    ownership.release(key);
    released.run();
  }

  /** Restarts failed tasks whose retry is due. */
  void restartFailed(Instant now) {
    tasks.forEach(
        (key, task) -> {
          if (!stopping.contains(key) && task.isRestartDue(now)) {
            lifecycle.execute(() -> task.restart(lifecycle));
          }
        });
  }

  boolean isEmpty() {
    return tasks.isEmpty();
  }

  boolean isStopping() {
    return !stopping.isEmpty();
  }

  /** Returns the status of a task; null if it does not exist on this worker. */
  @Nullable Part status(TaskKey key, String workerId) {
    ManagedTask task = tasks.get(key);
    return task == null ? null : task.status(workerId);
  }
}
