// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class TransactionalIdTest {
  private static TransactionalId id(String group, String connector, long generation, int task) {
    return new TransactionalId(group, connector, generation, task);
  }

  @Test
  void anIdHasGroupConnectorGenerationAndTask() {
    assertThat(id("agents", "travel", 17, 3)).hasToString("agents:travel:17:3");
  }

  @Test
  void noTwoTasksHaveTheSameId() {
    assertThat(id("a:b", "c", 1, 0).toString()).isNotEqualTo(id("a", "b:c", 1, 0).toString());
    assertThat(id("a%3A", "c", 1, 0).toString()).isNotEqualTo(id("a:", "c", 1, 0).toString());
  }

  @Test
  void olderIsAnEarlierGenerationOfTheSameConnectorWhateverTheTask() {
    TransactionalId current = id("g", "c", 10, 0);
    assertThat(current.isOlder(id("g", "c", 9, 0).toString())).isTrue();
    assertThat(current.isOlder(id("g", "c", 9, 7).toString())).isTrue();
    assertThat(current.isOlder(id("g", "c", 10, 1).toString())).isFalse();
    assertThat(current.isOlder(id("g", "c", 11, 0).toString())).isFalse();
  }

  @Test
  void idsOfOthersAreNotOlder() {
    TransactionalId current = id("g", "c", 10, 0);
    assertThat(current.isOlder(id("h", "c", 1, 0).toString())).isFalse();
    assertThat(current.isOlder(id("g", "d", 1, 0).toString())).isFalse();
    assertThat(current.isOlder(id("g", "c:5", 1, 0).toString())).isFalse();
    assertThat(current.isOlder("g:c:1:0:2")).isFalse();
    assertThat(current.isOlder("g:c:x:0")).isFalse();
    assertThat(current.isOlder("connect-cluster-g")).isFalse();
  }

  @Test
  void anIdIsReadBack() {
    for (TransactionalId id : List.of(id("g", "c", 10, 1), id("a:b", "x%3A:y%", 0, 0))) {
      assertThat(TransactionalId.parse(id.group(), id.toString())).contains(id);
      assertThat(TransactionalId.parse("other", id.toString())).isEmpty();
    }
    assertThat(TransactionalId.parse("g", "g:configs")).isEmpty();
  }
}
