// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.worker.Assignments.TaskKey;
import dev.caravan.worker.MemberState.OwnedTasks;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class TaskOwnershipTest {
  private static final String NAME = "golden";

  private final TaskOwnership ownership = new TaskOwnership();

  private static OwnedTasks set(long generation) {
    BitSet tasks = new BitSet();
    tasks.set(0);
    return new OwnedTasks(NAME.hashCode(), generation, tasks);
  }

  @Test
  void aTaskThatMayStartLaterIsOwned() {
    List<OwnedTasks> given = List.of(set(1));
    ownership.given(given);
    ownership.decided(given, false, generation -> true);

    assertThat(ownership.tell()).isEqualTo(given);
    assertThat(ownership.hasReleased()).isFalse();
  }

  @Test
  void aGenerationThatIsReplacedBeforeItStartsIsReleased() {
    List<OwnedTasks> given = List.of(set(1), set(2));
    ownership.given(given);
    assertThat(ownership.tell()).isEqualTo(given);

    // A connector is edited before the worker's lease has begun.
    ownership.decided(given, false, generation -> generation == 2);

    assertThat(ownership.hasReleased()).isTrue();
    assertThat(ownership.tell()).isEqualTo(List.of(set(2)));
    ownership.decided(given, false, generation -> generation == 2);
    assertThat(ownership.hasReleased()).isFalse();
  }

  @Test
  void whatIsStartedIsOwnedUntilItIsReleased() {
    List<OwnedTasks> given = List.of(set(1));
    ownership.given(given);
    ownership.add(new TaskKey(1, 0), NAME);
    ownership.decided(given, true, generation -> true);
    assertThat(ownership.tell()).isEqualTo(given);

    ownership.release(new TaskKey(1, 0));
    assertThat(ownership.hasReleased()).isTrue();
    assertThat(ownership.tell()).isEmpty();
  }
}
