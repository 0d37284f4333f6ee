// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.worker.Assignments.Share;
import dev.caravan.worker.MemberState.OwnedTasks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class GroupProtocolTest {
  private static final MemberState STATE =
      new MemberState(
          "höst:8083",
          1L << 40,
          true,
          List.of(
              new OwnedTasks("a".hashCode(), 7, BitSet.valueOf(new long[] {0b1011})),
              new OwnedTasks(-1, 1L << 39, BitSet.valueOf(new long[] {0, 1}))));

  private static Assignments assignments() {
    TreeMap<Long, Share> shares = new TreeMap<>();
    shares.put(7L, new Share("a".hashCode(), new int[] {0, Assignments.NOBODY, 1}));
    shares.put(1L << 39, new Share(-5, new int[0]));
    return new Assignments(300, List.of("one:1", "other:2"), shares);
  }

  @Test
  void whatAWorkerHasIsUnderstood() throws IOException {
    assertThat(GroupProtocol.decodeState(GroupProtocol.encode(STATE))).isEqualTo(STATE);
  }

  @Test
  void whatAWorkerIsToHaveIsUnderstood() throws IOException {
    GroupProtocol.Told told =
        GroupProtocol.decodeAssignments(GroupProtocol.encode(assignments(), 1));
    assertThat(told.member()).isEqualTo(1);
    assertThat(told.assignments().configOffset()).isEqualTo(300);
    assertThat(told.assignments().workers()).containsExactly("one:1", "other:2");
    assertThat(told.assignments().shares()).containsOnlyKeys(7L, 1L << 39);
    assertThat(told.assignments().shares().get(7L).owners())
        .containsExactly(0, Assignments.NOBODY, 1);
    assertThat(told.assignments().shares().get(1L << 39).connectorHash()).isEqualTo(-5);
  }

  @Test
  void anotherVersionIsNamed() {
    ByteBuffer later = GroupProtocol.encode(STATE).put(0, (byte) 2);
    assertThatThrownBy(() -> GroupProtocol.decodeState(later))
        .isInstanceOf(IOException.class)
        .hasMessage("it is of version 2, this worker understands 1 only");
  }

  @Test
  void nonsenseIsRefusedWhateverItIs() {
    Random random = new Random(1);
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      ByteBuffer good =
          random.nextBoolean()
              ? GroupProtocol.encode(STATE)
              : GroupProtocol.encode(assignments(), 0);
      byte[] bytes = new byte[good.remaining()];
      good.get(bytes);
      for (int change = random.nextInt(4); change >= 0; change--) {
        bytes[1 + random.nextInt(bytes.length - 1)] = (byte) random.nextInt();
      }
      ByteBuffer bad = ByteBuffer.wrap(bytes, 0, 1 + random.nextInt(bytes.length));
      refused += isRefused(bad) ? 1 : 0;
    }
    assertThat(refused).isGreaterThan(1000);
  }

  private static boolean isRefused(ByteBuffer bytes) {
    int refusals = 0;
    try {
      GroupProtocol.decodeState(bytes);
    } catch (IOException e) {
      refusals++;
    }
    try {
      GroupProtocol.decodeAssignments(bytes);
    } catch (IOException e) {
      refusals++;
    }
    return refusals > 0;
  }
}
