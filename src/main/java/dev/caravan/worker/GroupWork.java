// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.worker.Assignments.TaskKey;
import dev.caravan.worker.MemberState.OwnedTasks;
import java.time.Duration;
import java.util.List;
import java.util.SortedMap;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Between the group's thread and the herder's: keeps what each has to know of the other, so that
 * neither waits for the other. Thread-safe.
 */
final class GroupWork implements GroupMember {
  private static final Logger LOG = LoggerFactory.getLogger(GroupWork.class);

  /** So long, tasks that stop one after the other are told to the group together. */
  private static final Duration GATHER = Duration.ofMillis(300);

  /** What the herder does when the group has decided something; runs on the herder's thread. */
  interface Listener {
    /** There is a new {@link GroupWork#assigned}. */
    void assigned();

    /** The tasks of {@link GroupWork#assigned} may run now. */
    void leased();

    /** All tasks must stop, and {@link GroupWork#cleared} is to be called then. */
    void lost();

    /** This worker can't be in the group. */
    void refused(RuntimeException reason);
  }

  /**
   * What shall run.
   *
   * @param configOffset of the config topic that says so
   */
  record Wanted(long configOffset, List<TaskSet> sets) {}

  /**
   * What the group has decided last.
   *
   * @param self which of the workers this one is
   * @param generation of the group
   */
  record Assigned(Assignments assignments, int self, int generation) {
    static final Assigned NOTHING = new Assigned(Assignments.NONE, -1, 0);

    List<OwnedTasks> own() {
      return assignments.tasksOf(self);
    }
  }

  private final Supplier<String> workerId;
  private final TaskOwnership ownership;
  private final GroupLease lease;
  private final Executor herder;
  private final Listener listener;

  private volatile Wanted wanted = new Wanted(0, List.of());
  private volatile Assigned assigned = Assigned.NOTHING;

  private boolean isLeader;
  private boolean hasAssigned;
  private List<TaskSet> shared = List.of();
  private boolean isRequested;
  private boolean isLost;
  private boolean isCleared;
  private boolean isLeaving;
  private boolean isUnreadable;
  private boolean isStopping;
  private long joinedAt = System.nanoTime();

  /**
   * @param herder runs what it is given on the herder's thread
   */
  GroupWork(
      Supplier<String> workerId,
      TaskOwnership ownership,
      GroupLease lease,
      Executor herder,
      Listener listener) {
    this.workerId = workerId;
    this.ownership = ownership;
    this.lease = lease;
    this.herder = herder;
    this.listener = listener;
  }

  Assigned assigned() {
    return assigned;
  }

  /** The herder knows what shall run. */
  void want(Wanted now) {
    // The same list for the same sets, so that it is quickly seen that nothing has changed.
    List<TaskSet> before = wanted.sets();
    wanted =
        new Wanted(
            now.configOffset(), before.equals(now.sets()) ? before : List.copyOf(now.sets()));
  }

  /** Whether this worker leads its group. */
  synchronized boolean isLeader() {
    return isLeader && !isLost;
  }

  /**
   * Whether nobody has a task and this worker looks after what it has left behind: as the worker
   * that has the task and doesn't run it, or as the leader if no worker has it.
   */
  synchronized boolean isAbandoned(TaskKey task) {
    if (isLost || lease.isOver() || ownership.has(task)) {
      return false;
    }
    int owner = assigned.assignments().ownerOf(task);
    return owner == assigned.self() || (isLeader && owner == Assignments.NOBODY);
  }

  /** Whether tasks are being stopped at present: more will be released soon. */
  synchronized void stopping(boolean any) {
    isStopping = any;
  }

  /** After {@link Listener#lost}: no task is left. */
  synchronized void cleared() {
    if (isLost) {
      isCleared = true;
    }
  }

  /** Whether this worker must not run anything. */
  synchronized boolean isLost() {
    return isLost;
  }

  /** Whether this worker may run tasks: it is not lost, and its lease has begun. */
  synchronized boolean mayRun() {
    return !isLost && !lease.isAwaited();
  }

  /** This worker stops: it asks for nothing any more. */
  synchronized void leave() {
    isLeaving = true;
  }

  @Override
  public synchronized MemberState join() {
    isRequested = false;
    joinedAt = System.nanoTime();
    if (lease.hasEnded()) {
      // Before the group gives it tasks with this join.
      lost();
    }
    return new MemberState(
        workerId.get(),
        wanted.configOffset(),
        !isLeaving && (!isLost || isCleared),
        ownership.tell());
  }

  @Override
  public Assignments assign(SortedMap<String, MemberState> members) {
    Wanted now = wanted;
    synchronized (this) {
      hasAssigned = true;
      shared = now.sets();
    }
    return Assignor.assign(now.configOffset(), now.sets(), members);
  }

  @Override
  public synchronized void assigned(Assignments assignments, int self, int generation) {
    isRequested = false;
    isUnreadable = false;
    isLeader = hasAssigned;
    hasAssigned = false;
    Assigned now = new Assigned(assignments, self, generation);
    ownership.given(now.own());
    assigned = now;
    if (lease.hasEnded()) {
      // While the answer was on its way; it begins no other lease before the tasks have stopped.
      lost();
    }
    if (isLost && isCleared) {
      LOG.info("The worker is back in its group");
      isLost = false;
      isCleared = false;
    }
    if (!isLost) {
      lease.await();
    }
    herder.execute(listener::assigned);
  }

  @Override
  public synchronized boolean wantsRebalance() {
    if (isRequested || isLeaving || isUnreadable || assigned.self() < 0) {
      return false;
    }
    boolean gathering = isStopping && System.nanoTime() - joinedAt < GATHER.toNanos();
    isRequested =
        (ownership.hasReleased() && !gathering)
            || (isLeader && shared != wanted.sets())
            || (isLost && isCleared);
    return isRequested;
  }

  @Override
  public void leased() {
    herder.execute(listener::leased);
  }

  @Override
  public synchronized void unreadable() {
    // To join again at once would not help.
    isUnreadable = true;
    lost();
  }

  @Override
  public synchronized void lost() {
    lease.end();
    if (!isLost && assigned.self() >= 0) {
      isLost = true;
      LOG.error(
          "The worker has lost its group, or has not heard of it for too long: others may have its"
              + " tasks, and it stops them");
      herder.execute(listener::lost);
    }
  }

  @Override
  public void refused(RuntimeException reason) {
    herder.execute(() -> listener.refused(reason));
  }
}
