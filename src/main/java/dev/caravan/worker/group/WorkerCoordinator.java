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
 * Coordinates the group's thread with the herder's thread. It keeps what each needs from the other,
 * so that neither waits. Thread-safe.
 *
 * <p>The leader assigns tasks without waiting. If a member has read more of the config topic than
 * the leader, all tasks stay where they are until the leader has read as much. If a member can't be
 * read, tasks without an owner wait until that member must have stopped its tasks.
 */
public final class WorkerCoordinator implements RebalanceListener {
  private static final Logger LOG = LoggerFactory.getLogger(WorkerCoordinator.class);

  /** How long to wait so that several stopping tasks are reported in one rebalance. */
  private static final Duration RELEASE_DELAY = Duration.ofMillis(300);

  /** Handles decisions of the group. Called on the herder's thread. */
  public interface Listener {
    /** Handles a new {@link WorkerCoordinator#currentAssignment}. */
    void onAssigned();

    /**
     * Handles the begin of the lease: the tasks of {@link WorkerCoordinator#currentAssignment} may
     * run.
     */
    void onLeaseStarted();

    /**
     * Handles the loss of the group: all tasks must stop. The listener then calls {@link
     * WorkerCoordinator#allTasksStopped}.
     */
    void onLost();

    /** Handles an error after which this worker can't be in the group. */
    void onFatalError(RuntimeException reason);
  }

  /**
   * The tasks that are to run in the whole group.
   *
   * @param configOffset the offset of the config snapshot that they come from
   */
  public record DesiredTasks(long configOffset, List<TaskGeneration> generations) {}

  /**
   * The latest assignment of the group to this worker.
   *
   * @param groupGeneration the group generation
   */
  public record CurrentAssignment(MemberAssignment assignment, int groupGeneration) {
    public static final CurrentAssignment NOTHING = new CurrentAssignment(MemberAssignment.NONE, 0);

    /** Returns whether there was an assignment. */
    boolean isPresent() {
      return groupGeneration > 0;
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
      return new CurrentAssignment(assignment.withoutTasks(), groupGeneration);
    }
  }

  private final Supplier<String> workerId;
  private final TaskOwnership ownership;
  private final GroupLease lease;
  private final Executor herder;
  private final Listener listener;

  private volatile DesiredTasks desired = new DesiredTasks(0, List.of());
  private volatile CurrentAssignment current = CurrentAssignment.NOTHING;

  /** On the leader, the assignment of all tasks; null if some members can't be read. */
  private volatile @Nullable Assignments decision;

  private final UnreadableMembers unreadableMembers;
  private String memberId = "";
  private boolean isLeader;
  private boolean hasAssigned;
  private List<TaskGeneration> assignedGenerations = List.of();

  /**
   * On the leader, the config offset up to which it must read before it assigns more than workers
   * claim.
   */
  private OptionalLong awaitedOffset = OptionalLong.empty();

  /**
   * The config offset of a member that is beyond the end of the topic, as the leader has found. The
   * topic was created again since that member read it.
   */
  private long unreachableOffset;

  private boolean isWithholding;
  private boolean isRequested;
  private boolean isLost;
  private boolean isCleared;
  private boolean isLeaving;
  private boolean isUnreadable;

  /** Whether this worker joined as one that takes tasks. */
  private boolean hasJoinedTakingTasks;

  private boolean isStopping;
  private long joinedAt = System.nanoTime();

  /**
   * Creates a coordinator.
   *
   * @param herder runs the listener's methods
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
    return current;
  }

  /** Sets the tasks that are to run. */
  public void setDesiredTasks(DesiredTasks now) {
    // Keep the same list for equal tasks, so that a change is detected by identity.
    List<TaskGeneration> before = desired.generations();
    desired =
        new DesiredTasks(
            now.configOffset(),
            before.equals(now.generations()) ? before : List.copyOf(now.generations()));
  }

  /** Sets whether tasks are stopping, which will be released soon. */
  public synchronized void setStoppingTasks(boolean areStopping) {
    isStopping = areStopping;
  }

  /** Reports that no task is left after {@link Listener#onLost}. */
  public synchronized void allTasksStopped() {
    if (isLost && !isCleared) {
      isCleared = true;
      ownership.clear();
    }
  }

  /** Returns whether this worker has lost its group and may not run any task. */
  public synchronized boolean isLost() {
    return isLost;
  }

  /**
   * Returns whether this worker may run tasks: it has not lost its group, and its lease has begun.
   */
  public synchronized boolean mayRunTasks() {
    return !isLost && !lease.isPending();
  }

  /** Prepares to leave: this worker requests no more rebalances. */
  public synchronized void leave() {
    isLeaving = true;
  }

  @Override
  public synchronized MemberState memberState() {
    isRequested = false;
    joinedAt = System.nanoTime();
    if (lease.hasEnded()) {
      // Before the worker claims its tasks with this join.
      onLost();
    }
    hasJoinedTakingTasks = takesTasks();
    return new MemberState(
        workerId.get(), desired.configOffset(), hasJoinedTakingTasks, ownership.claimedTasks());
  }

  /** A worker that can't read its assignment takes no tasks, so that others get them. */
  private boolean takesTasks() {
    return !isLeaving && !isUnreadable && (!isLost || isCleared);
  }

  @Override
  public Assignments assign(SortedMap<String, MemberState> members, Set<String> unreadable) {
    DesiredTasks now = desired;
    long newest = members.values().stream().mapToLong(MemberState::configOffset).max().orElse(0);
    boolean isBehind;
    boolean mustKeep;
    boolean isKnown;
    synchronized (this) {
      hasAssigned = true;
      assignedGenerations = now.generations();
      unreadableMembers.present(unreadable);
      isBehind = newest > now.configOffset() && newest != unreachableOffset;
      awaitedOffset = isBehind ? OptionalLong.of(newest) : OptionalLong.empty();
      isWithholding = !isBehind && unreadableMembers.mayHaveTasks();
      mustKeep = isWithholding;
      isKnown = !unreadableMembers.mayHaveTasks();
    }
    Assignments result =
        isBehind
            ? Assignor.keepAll(now.configOffset(), members)
            : mustKeep
                ? Assignor.keepDesired(now.configOffset(), now.generations(), members)
                : Assignor.assign(now.configOffset(), now.generations(), members);
    decision = isKnown ? result : null;
    return result;
  }

  /** Returns whether this worker leads the group and can read all members. */
  public boolean isLeader() {
    return decision != null;
  }

  /**
   * Returns whether no worker runs a task and this worker has to clean up after it. That is the
   * worker to which it is assigned but on which it does not exist. If it is assigned to no worker,
   * and can't be before the next rebalance, it is the leader.
   */
  public boolean isAbandoned(TaskKey task) {
    if (isLost() || lease.isOver() || ownership.has(task)) {
      return false;
    }
    Assignments last = decision;
    return current.has(task) || (last != null && !last.hasWorker(task));
  }

  /** Returns the config offset up to which the leader must read before it can assign all tasks. */
  public synchronized OptionalLong awaitedConfigOffset() {
    return isLeader
            && awaitedOffset.isPresent()
            && desired.configOffset() < awaitedOffset.getAsLong()
        ? awaitedOffset
        : OptionalLong.empty();
  }

  /**
   * Reports that the config topic is read to its end, although it is before {@link
   * #awaitedConfigOffset}. This happens when the topic was created again.
   */
  public synchronized void onConfigTopicEnd(long offset) {
    unreachableOffset = offset;
  }

  @Override
  public synchronized void onAssigned(
      MemberAssignment assignment, String newMemberId, int groupGeneration) {
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
    CurrentAssignment now = new CurrentAssignment(assignment, groupGeneration);
    ownership.onAssigned(now.own());
    if (lease.hasEnded() || isReset) {
      // The lease ended while the assignment was sent, or the group had removed this worker. A new
      // lease begins only after the tasks have stopped.
      onLost();
    }
    current = now;
    if (isLost && isCleared) {
      LOG.info("The worker has joined its group again.");
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
    if (isRequested || isLeaving || (!current.isPresent() && !isUnreadable)) {
      return false;
    }
    if (isUnreadable) {
      // Only once, so that the leader assigns this worker's tasks to others.
      isRequested = hasJoinedTakingTasks && (!isLost || isCleared);
      return isRequested;
    }
    boolean isDelayed = isStopping && System.nanoTime() - joinedAt < RELEASE_DELAY.toNanos();
    isRequested =
        (ownership.hasReleased() && !isDelayed)
            || (isLeader && canAssignMore())
            || (isLost && isCleared)
            || (!hasJoinedTakingTasks && takesTasks());
    return isRequested;
  }

  private boolean canAssignMore() {
    if (awaitedOffset.isPresent()) {
      return desired.configOffset() >= awaitedOffset.getAsLong()
          || unreachableOffset == awaitedOffset.getAsLong();
    }
    return assignedGenerations != desired.generations()
        || (isWithholding && !unreadableMembers.mayHaveTasks());
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
    if (!isLost && current.isPresent()) {
      isLost = true;
      LOG.error(
          "The worker has lost its group, or had no answer from it for too long. It stops its tasks,"
              + " because other workers may have them.");
      herder.execute(listener::onLost);
    }
  }

  @Override
  public void onFatalError(RuntimeException reason) {
    herder.execute(() -> listener.onFatalError(reason));
  }
}
