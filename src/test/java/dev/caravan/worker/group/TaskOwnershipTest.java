// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class TaskOwnershipTest {
  private static final String NAME = "golden";
  private static final TaskKey TASK = new TaskKey(1, 0);

  private final TaskOwnership ownership = new TaskOwnership();

  private static OwnedTasks set(long generation) {
    BitSet tasks = new BitSet();
    tasks.set(0);
    return new OwnedTasks(MemberState.hash(NAME), generation, tasks);
  }

  private void assign(List<OwnedTasks> tasks) {
    ownership.onAssigned(tasks);
    ownership.onApplied(tasks, generation -> true);
  }

  @Test
  void aTaskThatMayStartLaterIsClaimed() {
    List<OwnedTasks> given = List.of(set(1));
    assign(given);

    assertThat(ownership.claimedTasks()).isEqualTo(given);
    assertThat(ownership.hasReleased()).isFalse();
  }

  @Test
  void aGenerationThatIsReplacedBeforeItStartsIsReleased() {
    List<OwnedTasks> given = List.of(set(1), set(2));
    ownership.onAssigned(given);
    assertThat(ownership.claimedTasks()).isEqualTo(given);

    // A connector is edited before the worker's lease has begun.
    ownership.onApplied(given, generation -> generation == 2);

    assertThat(ownership.hasReleased()).isTrue();
    assertThat(ownership.claimedTasks()).isEqualTo(List.of(set(2)));
    ownership.onApplied(given, generation -> generation == 2);
    assertThat(ownership.hasReleased()).isFalse();
    ownership.onApplied(given, generation -> false);
    assertThat(ownership.hasReleased()).isTrue();
    assertThat(ownership.claimedTasks()).isEmpty();
  }

  @Test
  void aPausedTaskStaysClaimed() {
    List<OwnedTasks> given = List.of(set(1));
    assign(given);
    ownership.add(TASK, NAME);
    assertThat(ownership.claimedTasks()).isEqualTo(given);

    // The connector is paused: the task is stopped, and the worker may start it again.
    ownership.release(TASK);

    assertThat(ownership.hasReleased()).as("a pause needs no rebalance").isFalse();
    assertThat(ownership.claimedTasks()).isEqualTo(given);
    assign(List.of());
    assertThat(ownership.hasReleased()).isTrue();
    assertThat(ownership.claimedTasks()).isEmpty();
  }

  @Test
  void aTaskOfAnEarlierAssignmentIsClaimedForAsLongAsThatDecides() {
    List<OwnedTasks> before = List.of(set(1));
    assign(before);
    assertThat(ownership.claimedTasks()).isEqualTo(before);

    // An assignment that needs a later config offset than the worker has read.
    List<OwnedTasks> after = List.of(set(2));
    ownership.onAssigned(after);
    ownership.onApplied(before, generation -> true);

    assertThat(ownership.claimedTasks()).isEqualTo(List.of(set(1), set(2)));
    ownership.onApplied(after, generation -> true);
    assertThat(ownership.hasReleased()).isTrue();
    assertThat(ownership.claimedTasks()).isEqualTo(after);
  }

  @Test
  void aTaskThatMovesIsClaimedUntilItIsReleased() {
    assign(List.of(set(1)));
    ownership.add(TASK, NAME);
    ownership.claimedTasks();
    assign(List.of());
    assertThat(ownership.hasReleased()).isFalse();
    assertThat(ownership.claimedTasks()).isEqualTo(List.of(set(1)));

    ownership.release(TASK);
    assertThat(ownership.hasReleased()).isTrue();
    assertThat(ownership.hasReleased()).as("until the worker joins again").isTrue();
    assertThat(ownership.claimedTasks()).isEmpty();
    assertThat(ownership.hasReleased()).isFalse();
  }

  @Test
  void aWorkerThatHasLostItsGroupClaimsWhatExistsOnIt() {
    assign(List.of(set(1), set(2)));
    ownership.add(TASK, NAME);
    ownership.clear();
    assertThat(ownership.claimedTasks()).isEqualTo(List.of(set(1)));
  }
}
