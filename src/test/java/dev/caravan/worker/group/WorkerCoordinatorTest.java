// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import dev.caravan.worker.group.WorkerCoordinator.DesiredTasks;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a worker decides as the leader of its group, and when it releases its tasks. */
@Tag("unit")
class WorkerCoordinatorTest {
  private static final String ME = "member-1";
  private static final TaskGeneration GOLDEN = new TaskGeneration("golden", 3, 2);
  private static final TaskKey NEW = new TaskKey(3, 0);

  private final TaskOwnership ownership = new TaskOwnership();
  private final GroupLease lease = new GroupLease(Duration.ofDays(1));
  private final Calls calls = new Calls();
  private final WorkerCoordinator coordinator =
      new WorkerCoordinator(() -> "me:1", ownership, lease, Runnable::run, calls);

  private static final class Calls implements WorkerCoordinator.Listener {
    private int losses;

    @Override
    public void onAssigned() {
      // Nothing starts here.
    }

    @Override
    public void onLeaseStarted() {
      // Nothing starts here.
    }

    @Override
    public void onLost() {
      losses++;
    }

    @Override
    public void onFatalError(RuntimeException reason) {
      throw reason;
    }
  }

  private static MemberState other(long configOffset, long generation) {
    OwnedTasks owned = new OwnedTasks(7, generation, BitSet.valueOf(new long[] {1}));
    return new MemberState("other:2", configOffset, true, List.of(owned));
  }

  /** Performs a rebalance that this worker leads. */
  private Assignments lead(MemberState other, Set<String> unreadable) {
    SortedMap<String, MemberState> members = new TreeMap<>();
    members.put(ME, coordinator.memberState());
    members.put("member-2", other);
    Assignments assignments = coordinator.assign(members, unreadable);
    coordinator.onAssigned(assignments.of(0), ME, 1);
    lease.onHeartbeat(System.nanoTime());
    ownership.onApplied(coordinator.currentAssignment().own(), generation -> true);
    return assignments;
  }

  @Test
  void aLeaderThatIsBehindKeepsAllClaimsUntilItHasCaughtUp() {
    coordinator.setDesiredTasks(new DesiredTasks(5, List.of(GOLDEN)));

    Assignments kept = lead(other(9, 8), Set.of());

    assertThat(kept.hasWorker(NEW)).as("it may have been deleted").isFalse();
    assertThat(kept.of(1).has(new TaskKey(8, 0))).as("of a set that it does not know").isTrue();
    assertThat(coordinator.awaitedConfigOffset()).hasValue(9);
    coordinator.setDesiredTasks(new DesiredTasks(7, List.of()));
    assertThat(coordinator.needsRebalance()).isFalse();
    coordinator.setDesiredTasks(
        new DesiredTasks(9, List.of(GOLDEN, new TaskGeneration("other", 8, 1))));
    assertThat(coordinator.needsRebalance()).isTrue();
    assertThat(coordinator.awaitedConfigOffset()).isEmpty();
    assertThat(lead(other(9, 8), Set.of()).hasWorker(NEW)).isTrue();
  }

  @Test
  void aLeaderDoesNotWaitForMoreThanTheConfigTopicHas() {
    coordinator.setDesiredTasks(new DesiredTasks(5, List.of(GOLDEN)));
    lead(other(900, 3), Set.of());
    assertThat(coordinator.needsRebalance()).isFalse();

    coordinator.onConfigTopicEnd(900);

    assertThat(coordinator.needsRebalance()).isTrue();
    assertThat(lead(other(900, 3), Set.of()).hasWorker(new TaskKey(3, 1))).isTrue();
  }

  /** Config offsets start at 0 again in a topic that was created again. */
  @Test
  void aLeaderThatIsBehindInAShorterConfigTopicKeepsAllClaimsToo() {
    coordinator.setDesiredTasks(new DesiredTasks(5, List.of(GOLDEN)));
    lead(other(900, 3), Set.of());
    coordinator.onConfigTopicEnd(900);
    lead(other(900, 3), Set.of());

    Assignments kept = lead(other(9, 8), Set.of());

    assertThat(kept.of(1).has(new TaskKey(8, 0))).as("of a set that it does not know").isTrue();
    assertThat(coordinator.awaitedConfigOffset()).hasValue(9);
    assertThat(coordinator.needsRebalance()).isFalse();
    coordinator.setDesiredTasks(
        new DesiredTasks(9, List.of(GOLDEN, new TaskGeneration("other", 8, 1))));
    assertThat(coordinator.needsRebalance()).isTrue();
  }

  @Test
  void onlyALeaderThatKnowsAllMembersKnowsWhatIsAbandoned() {
    coordinator.setDesiredTasks(new DesiredTasks(5, List.of(GOLDEN)));
    TaskKey gone = new TaskKey(1, 0);
    assertThat(coordinator.isAbandoned(gone)).isFalse();
    lead(other(5, 2), Set.of());
    assertThat(coordinator.isAbandoned(gone)).isTrue();
    assertThat(coordinator.isAbandoned(new TaskKey(3, 1))).as("another worker has it").isFalse();
    assertThat(coordinator.isAbandoned(NEW)).as("this one has it, and does not run it").isTrue();
    ownership.add(NEW, "golden");
    assertThat(coordinator.isAbandoned(NEW)).as("this one runs it").isFalse();
    assertThat(coordinator.isAbandoned(new TaskKey(2, 0))).as("a worker stops it still").isFalse();

    lead(other(5, 2), Set.of("stray"));
    assertThat(coordinator.isAbandoned(gone)).isFalse();
    lead(other(5, 2), Set.of());
    assertThat(coordinator.isAbandoned(gone)).isTrue();

    coordinator.memberState();
    coordinator.onAssigned(new MemberAssignment(5, List.of("me:1"), List.of()), ME, 3);
    assertThat(coordinator.isAbandoned(gone)).as("another worker leads").isFalse();
  }

  @Test
  void aWorkerWhoseMemberIdWasResetStopsItsTasksAndClaimsNothingThen() {
    coordinator.setDesiredTasks(new DesiredTasks(5, List.of(GOLDEN)));
    lead(other(5, 2), Set.of());
    assertThat(ownership.claimedTasks()).isNotEmpty();
    assertThat(coordinator.mayRunTasks()).isTrue();

    coordinator.memberState();
    coordinator.onAssigned(new MemberAssignment(5, List.of("me:1"), List.of()), "member-9", 4);

    assertThat(calls.losses).isEqualTo(1);
    assertThat(coordinator.mayRunTasks()).isFalse();
    assertThat(lease.isOver()).isTrue();
    assertThat(coordinator.memberState().takesTasks()).isFalse();
    coordinator.allTasksStopped();
    assertThat(coordinator.needsRebalance()).isTrue();
    MemberState state = coordinator.memberState();
    assertThat(state.takesTasks()).isTrue();
    assertThat(state.owned()).isEmpty();
  }

  @Test
  void aWorkerThatCannotReadItsAssignmentLeavesItToOthers() {
    coordinator.setDesiredTasks(new DesiredTasks(5, List.of(GOLDEN)));
    lead(other(5, 2), Set.of());

    coordinator.onUnreadableAssignment();

    assertThat(coordinator.mayRunTasks()).isFalse();
    assertThat(coordinator.needsRebalance()).as("before its tasks have stopped").isFalse();
    coordinator.allTasksStopped();
    assertThat(coordinator.needsRebalance()).isTrue();
    assertThat(coordinator.memberState().takesTasks()).isFalse();
    coordinator.onUnreadableAssignment();
    assertThat(coordinator.needsRebalance()).as("once is enough").isFalse();

    coordinator.memberState();
    coordinator.onAssigned(new MemberAssignment(5, List.of("me:1"), List.of()), ME, 5);
    assertThat(coordinator.needsRebalance()).isTrue();
    assertThat(coordinator.memberState().takesTasks()).isTrue();
  }
}
