// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.GroupWork.Wanted;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What a worker decides as the leader of its group, and when it gives up what it has. */
class GroupWorkTest {
  private static final String ME = "member-1";
  private static final TaskSet GOLDEN = new TaskSet("golden", 3, 2);
  private static final TaskKey NEW = new TaskKey(3, 0);

  private final TaskOwnership ownership = new TaskOwnership();
  private final GroupLease lease = new GroupLease(Duration.ofDays(1));
  private final Calls calls = new Calls();
  private final GroupWork work =
      new GroupWork(() -> "me:1", ownership, lease, Runnable::run, calls);

  private static final class Calls implements GroupWork.Listener {
    private int losses;

    @Override
    public void assigned() {
      // Nothing starts here.
    }

    @Override
    public void leased() {
      // Nothing starts here.
    }

    @Override
    public void lost() {
      losses++;
    }

    @Override
    public void refused(RuntimeException reason) {
      throw reason;
    }
  }

  private static MemberState other(long configOffset, long generation) {
    OwnedTasks owned = new OwnedTasks(7, generation, BitSet.valueOf(new long[] {1}));
    return new MemberState("other:2", configOffset, true, List.of(owned));
  }

  /** One rebalance that this worker leads. */
  private Assignments lead(MemberState other, Set<String> unreadable) {
    SortedMap<String, MemberState> members = new TreeMap<>();
    members.put(ME, work.join());
    members.put("member-2", other);
    Assignments assignments = work.assign(members, unreadable);
    work.assigned(assignments.of(0), ME, 1);
    lease.heartbeat(System.nanoTime());
    ownership.decided(work.assigned().own(), generation -> true);
    return assignments;
  }

  @Test
  void aLeaderThatIsBehindKeepsAllClaimsUntilItHasCaughtUp() {
    work.want(new Wanted(5, List.of(GOLDEN)));

    Assignments kept = lead(other(9, 8), Set.of());

    assertThat(kept.hasWorker(NEW)).as("it may have been deleted").isFalse();
    assertThat(kept.of(1).has(new TaskKey(8, 0))).as("of a set that it does not know").isTrue();
    assertThat(work.awaited()).hasValue(9);
    work.want(new Wanted(7, List.of()));
    assertThat(work.wantsRebalance()).isFalse();
    work.want(new Wanted(9, List.of(GOLDEN, new TaskSet("other", 8, 1))));
    assertThat(work.wantsRebalance()).isTrue();
    assertThat(work.awaited()).isEmpty();
    assertThat(lead(other(9, 8), Set.of()).hasWorker(NEW)).isTrue();
  }

  @Test
  void aLeaderDoesNotWaitForMoreThanTheConfigTopicHas() {
    work.want(new Wanted(5, List.of(GOLDEN)));
    lead(other(900, 3), Set.of());
    assertThat(work.wantsRebalance()).isFalse();

    work.reached(900);

    assertThat(work.wantsRebalance()).isTrue();
    assertThat(lead(other(900, 3), Set.of()).hasWorker(new TaskKey(3, 1))).isTrue();
  }

  /** The members' offsets begin at 0 again in a topic that was made again. */
  @Test
  void aLeaderThatIsBehindInAShorterConfigTopicKeepsAllClaimsToo() {
    work.want(new Wanted(5, List.of(GOLDEN)));
    lead(other(900, 3), Set.of());
    work.reached(900);
    lead(other(900, 3), Set.of());

    Assignments kept = lead(other(9, 8), Set.of());

    assertThat(kept.of(1).has(new TaskKey(8, 0))).as("of a set that it does not know").isTrue();
    assertThat(work.awaited()).hasValue(9);
    assertThat(work.wantsRebalance()).isFalse();
    work.want(new Wanted(9, List.of(GOLDEN, new TaskSet("other", 8, 1))));
    assertThat(work.wantsRebalance()).isTrue();
  }

  @Test
  void onlyALeaderThatKnowsAllMembersKnowsWhatIsAbandoned() {
    work.want(new Wanted(5, List.of(GOLDEN)));
    TaskKey gone = new TaskKey(1, 0);
    assertThat(work.isAbandoned(gone)).isFalse();
    lead(other(5, 2), Set.of());
    assertThat(work.isAbandoned(gone)).isTrue();
    assertThat(work.isAbandoned(new TaskKey(3, 1))).as("another worker has it").isFalse();
    assertThat(work.isAbandoned(NEW)).as("this one has it, and does not run it").isTrue();
    ownership.add(NEW, "golden");
    assertThat(work.isAbandoned(NEW)).as("this one runs it").isFalse();
    assertThat(work.isAbandoned(new TaskKey(2, 0))).as("a worker stops it still").isFalse();

    lead(other(5, 2), Set.of("stray"));
    assertThat(work.isAbandoned(gone)).isFalse();
    lead(other(5, 2), Set.of());
    assertThat(work.isAbandoned(gone)).isTrue();

    work.join();
    work.assigned(new MemberAssignment(5, List.of("me:1"), List.of()), ME, 3);
    assertThat(work.isAbandoned(gone)).as("another worker leads").isFalse();
  }

  @Test
  void aWorkerWhoseMemberIdWasResetStopsItsTasksAndClaimsNothingThen() {
    work.want(new Wanted(5, List.of(GOLDEN)));
    lead(other(5, 2), Set.of());
    assertThat(ownership.claim()).isNotEmpty();
    assertThat(work.mayRun()).isTrue();

    work.join();
    work.assigned(new MemberAssignment(5, List.of("me:1"), List.of()), "member-9", 4);

    assertThat(calls.losses).isEqualTo(1);
    assertThat(work.mayRun()).isFalse();
    assertThat(lease.isOver()).isTrue();
    assertThat(work.join().takesTasks()).isFalse();
    work.cleared();
    assertThat(work.wantsRebalance()).isTrue();
    MemberState state = work.join();
    assertThat(state.takesTasks()).isTrue();
    assertThat(state.owned()).isEmpty();
  }

  @Test
  void aWorkerThatCannotReadItsAssignmentLeavesItToOthers() {
    work.want(new Wanted(5, List.of(GOLDEN)));
    lead(other(5, 2), Set.of());

    work.unreadable();

    assertThat(work.mayRun()).isFalse();
    assertThat(work.wantsRebalance()).as("before its tasks have stopped").isFalse();
    work.cleared();
    assertThat(work.wantsRebalance()).isTrue();
    assertThat(work.join().takesTasks()).isFalse();
    work.unreadable();
    assertThat(work.wantsRebalance()).as("once is enough").isFalse();

    work.join();
    work.assigned(new MemberAssignment(5, List.of("me:1"), List.of()), ME, 5);
    assertThat(work.wantsRebalance()).isTrue();
    assertThat(work.join().takesTasks()).isTrue();
  }
}
