// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Between the group's thread and the herder's: keeps what each has to know of the other, so that
 * neither waits for the other. Thread-safe.
 *
 * <p>The leader assigns by what it knows, and waits for nothing. If a member has read more of the
 * config topic, all tasks stay where they are until the leader has read as much. If a member can't
 * be read, tasks that no other worker has wait until that member must have stopped its tasks.
 */
public final class WorkerCoordinator implements RebalanceListener {
  private static final Logger LOG = LoggerFactory.getLogger(WorkerCoordinator.class);

  /** For this long, the release of tasks that stop one after the other waits for the last. */
  private static final Duration GATHER = Duration.ofMillis(300);

  /** What the herder does when the group has decided something; runs on the herder's thread. */
  public interface Listener {
    /** There is a new {@link WorkerCoordinator#currentAssignment}. */
    void onAssigned();

    /** The tasks of {@link WorkerCoordinator#currentAssignment} may run now. */
    void onLeaseStarted();

    /** All tasks must stop, and {@link WorkerCoordinator#allTasksStopped} is to be called then. */
    void onLost();

    /** This worker can't be in the group. */
    void onFatalError(RuntimeException reason);
  }

  /**
   * What shall run.
   *
   * @param configOffset of the config topic that says so
   */
  public record DesiredTasks(long configOffset, List<TaskGeneration> sets) {}

  /**
   * What the group has decided last.
   *
   * @param generation of the group
   */
  public record CurrentAssignment(MemberAssignment assignment, int generation) {
    public static final CurrentAssignment NOTHING = new CurrentAssignment(MemberAssignment.NONE, 0);

    /** Whether the group has decided anything. */
    boolean isPresent() {
      return generation > 0;
    }

    public List<OwnedTasks> own() {
      return assignment.tasks();
    }

    public boolean has(TaskKey task) {
      return assignment.has(task);
    }

    public boolean isAlive(String worker) {
      return assignment.workers().contains(worker);
    }

    public CurrentAssignment withoutTasks() {
      return new CurrentAssignment(assignment.withoutTasks(), generation);
    }
  }

  private final Supplier<String> workerId;
  private final TaskOwnership ownership;
  private final GroupLease lease;
  private final Executor herder;
  private final Listener listener;

  private volatile DesiredTasks wanted = new DesiredTasks(0, List.of());
  private volatile CurrentAssignment assigned = CurrentAssignment.NOTHING;

  /** Of the leader: which worker has which task, if it is known of all members. */
  private volatile @Nullable Assignments decision;

  private final UnreadableMembers unreadableMembers;
  private String memberId = "";
  private boolean isLeader;
  private boolean hasAssigned;
  private List<TaskGeneration> shared = List.of();

  /** Of the leader: how far it must read the config topic to assign more than workers have. */
  private OptionalLong awaited = OptionalLong.empty();

  /**
   * With this offset of a member, the leader has found that the config topic has no more. Any other
   * offset may be one of the present topic.
   */
  private long reached;

  private boolean isWithholding;
  private boolean isRequested;
  private boolean isLost;
  private boolean isCleared;
  private boolean isLeaving;
  private boolean isUnreadable;

  /** Whether this worker has joined as one that takes tasks. */
  private boolean isTaking;

  private boolean isStopping;
  private long joinedAt = System.nanoTime();

  /**
   * @param herder runs what it is given on the herder's thread
   */
  public WorkerCoordinator(
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
    this.unreadableMembers = new UnreadableMembers(lease.session(), System::nanoTime);
  }

  public CurrentAssignment currentAssignment() {
    return assigned;
  }

  /** The herder has found out what shall run. */
  public void setDesiredTasks(DesiredTasks now) {
    // The same list for the same sets, so that it is quickly seen that nothing has changed.
    List<TaskGeneration> before = wanted.sets();
    wanted =
        new DesiredTasks(
            now.configOffset(), before.equals(now.sets()) ? before : List.copyOf(now.sets()));
  }

  /** Whether tasks are being stopped at present: more will be released soon. */
  public synchronized void setStoppingTasks(boolean any) {
    isStopping = any;
  }

  /** After {@link Listener#onLost}: no task is left. */
  public synchronized void allTasksStopped() {
    if (isLost && !isCleared) {
      isCleared = true;
      ownership.clear();
    }
  }

  /** Whether this worker must not run anything. */
  public synchronized boolean isLost() {
    return isLost;
  }

  /** Whether this worker may run tasks: it is not lost, and its lease has begun. */
  public synchronized boolean mayRunTasks() {
    return !isLost && !lease.isPending();
  }

  /** This worker stops: it asks for no more rebalance. */
  public synchronized void leave() {
    isLeaving = true;
  }

  @Override
  public synchronized MemberState memberState() {
    isRequested = false;
    joinedAt = System.nanoTime();
    if (lease.hasEnded()) {
      // Before the group gives it tasks with this join.
      onLost();
    }
    isTaking = takesTasks();
    return new MemberState(workerId.get(), wanted.configOffset(), isTaking, ownership.claimedTasks());
  }

  /** What this worker can't read, it must leave to others. */
  private boolean takesTasks() {
    return !isLeaving && !isUnreadable && (!isLost || isCleared);
  }

  @Override
  public Assignments assign(SortedMap<String, MemberState> members, Set<String> unreadable) {
    DesiredTasks now = wanted;
    long newest = members.values().stream().mapToLong(MemberState::configOffset).max().orElse(0);
    boolean isBehind;
    boolean mustKeep;
    boolean isKnown;
    synchronized (this) {
      hasAssigned = true;
      shared = now.sets();
      unreadableMembers.present(unreadable);
      isBehind = newest > now.configOffset() && newest != reached;
      awaited = isBehind ? OptionalLong.of(newest) : OptionalLong.empty();
      isWithholding = !isBehind && unreadableMembers.mayHaveTasks();
      mustKeep = isWithholding;
      isKnown = !unreadableMembers.mayHaveTasks();
    }
    Assignments result =
        isBehind
            ? Assignor.keepAll(now.configOffset(), members)
            : mustKeep
                ? Assignor.keepWanted(now.configOffset(), now.sets(), members)
                : Assignor.assign(now.configOffset(), now.sets(), members);
    decision = isKnown ? result : null;
    return result;
  }

  /** Whether this worker leads its group and knows what all members have. */
  public boolean isLeader() {
    return decision != null;
  }

  /**
   * Whether nobody runs a task and this worker looks after what it has left behind: as the worker
   * that has the task and doesn't run it, or as the leader if no worker has it, or can have it
   * before the next rebalance.
   */
  public boolean isAbandoned(TaskKey task) {
    if (isLost() || lease.isOver() || ownership.has(task)) {
      return false;
    }
    Assignments last = decision;
    return assigned.has(task) || (last != null && !last.hasWorker(task));
  }

  /** How far the leader must read the config topic before it can assign all tasks. */
  public synchronized OptionalLong awaitedConfigOffset() {
    return isLeader && awaited.isPresent() && wanted.configOffset() < awaited.getAsLong()
        ? awaited
        : OptionalLong.empty();
  }

  /**
   * The config topic is read to its end, which counts as {@link #awaitedConfigOffset}: a topic that was created
   * again ends earlier than a member has read.
   */
  public synchronized void onConfigTopicEnd(long offset) {
    reached = offset;
  }

  @Override
  public synchronized void onAssigned(
      MemberAssignment assignment, String newMemberId, int generation) {
    isRequested = false;
    isUnreadable = false;
    isLeader = hasAssigned;
    hasAssigned = false;
    if (isLeader) {
      unreadableMembers.sent();
    } else {
      unreadableMembers.forget();
      decision = null;
    }
    boolean isReset = !memberId.isEmpty() && !memberId.equals(newMemberId);
    memberId = newMemberId;
    CurrentAssignment now = new CurrentAssignment(assignment, generation);
    ownership.onAssigned(now.own());
    if (lease.hasEnded() || isReset) {
      // The lease ended while the answer was on its way, or the group had forgotten this worker; no
      // other lease begins before the tasks have stopped.
      onLost();
    }
    assigned = now;
    if (isLost && isCleared) {
      LOG.info("The worker is back in its group");
      isLost = false;
      isCleared = false;
    }
    if (!isLost) {
      lease.onAssignment();
    }
    herder.execute(listener::onAssigned);
  }

  @Override
  public synchronized boolean needsRebalance() {
    if (isRequested || isLeaving || (!assigned.isPresent() && !isUnreadable)) {
      return false;
    }
    if (isUnreadable) {
      // Once, so that the leader gives others what it has given to this worker.
      isRequested = isTaking && (!isLost || isCleared);
      return isRequested;
    }
    boolean gathering = isStopping && System.nanoTime() - joinedAt < GATHER.toNanos();
    isRequested =
        (ownership.hasReleased() && !gathering)
            || (isLeader && canAssignMore())
            || (isLost && isCleared)
            || (!isTaking && takesTasks());
    return isRequested;
  }

  private boolean canAssignMore() {
    if (awaited.isPresent()) {
      return wanted.configOffset() >= awaited.getAsLong() || reached == awaited.getAsLong();
    }
    return shared != wanted.sets() || (isWithholding && !unreadableMembers.mayHaveTasks());
  }

  @Override
  public void onLeaseStarted() {
    herder.execute(listener::onLeaseStarted);
  }

  @Override
  public synchronized void onUnreadableAssignment() {
    isRequested = false;
    isLeader = false;
    hasAssigned = false;
    isUnreadable = true;
    onLost();
  }

  @Override
  public synchronized void onLost() {
    lease.end();
    decision = null;
    if (!isLost && assigned.isPresent()) {
      isLost = true;
      LOG.error(
          "The worker has lost its group, or has had no answer from it for too long: others may have"
              + " its tasks, and it stops them");
      herder.execute(listener::onLost);
    }
  }

  @Override
  public void onFatalError(RuntimeException reason) {
    herder.execute(() -> listener.onFatalError(reason));
  }
}
