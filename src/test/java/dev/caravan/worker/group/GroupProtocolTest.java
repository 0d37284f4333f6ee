// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class GroupProtocolTest {
  private static final List<OwnedTasks> TASKS =
      List.of(
          new OwnedTasks(0x1234, 7, BitSet.valueOf(new long[] {0b1011})),
          new OwnedTasks(0xffff, 1L << 39, BitSet.valueOf(new long[] {0, 1})));
  private static final MemberState STATE = new MemberState("höst:8083", 1L << 40, true, TASKS);
  private static final MemberAssignment ASSIGNMENT =
      new MemberAssignment(300, List.of("one:1", "other:2"), TASKS);

  /** Version 1 is frozen: these files never change. */
  private static final String STATE_BYTES = golden("member-state-v1.hex");

  private static final String ASSIGNMENT_BYTES = golden("member-assignment-v1.hex");

  private static final String UNKNOWN_SECTION = "8001" + "03" + "aabbcc";

  /**
   * The bytes of a file in hexadecimal, without its spaces and the comments after each number sign.
   */
  private static String golden(String name) {
    try (InputStream file = GroupProtocolTest.class.getResourceAsStream(name)) {
      return new String(file.readAllBytes(), UTF_8).replaceAll("#.*|\\s", "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static ByteBuffer bytes(String hex) {
    return ByteBuffer.wrap(HexFormat.of().parseHex(hex));
  }

  private static String hex(ByteBuffer bytes) {
    byte[] content = new byte[bytes.remaining()];
    bytes.duplicate().get(content);
    return HexFormat.of().formatHex(content);
  }

  @Test
  void theBytesOfVersionOneAreFrozen() throws IOException {
    assertThat(hex(GroupProtocol.encode(STATE))).isEqualTo(STATE_BYTES);
    assertThat(hex(GroupProtocol.encode(ASSIGNMENT))).isEqualTo(ASSIGNMENT_BYTES);
    assertThat(GroupProtocol.decodeState(bytes(STATE_BYTES))).isEqualTo(STATE);
    assertThat(GroupProtocol.decodeAssignment(bytes(ASSIGNMENT_BYTES))).isEqualTo(ASSIGNMENT);
  }

  @Test
  void sectionsAndFlagsOfALaterVersionAreSkipped() throws IOException {
    String state = later(STATE_BYTES, 2, 1).replace("8080808080200" + "1", "8080808080200" + "7");
    assertThat(GroupProtocol.decodeState(bytes(state + UNKNOWN_SECTION))).isEqualTo(STATE);
    assertThat(
            GroupProtocol.decodeAssignment(bytes(later(ASSIGNMENT_BYTES, 9, 1) + UNKNOWN_SECTION)))
        .isEqualTo(ASSIGNMENT);
  }

  @Test
  void aLaterVersionCanForbidAnEarlierOneToReadIt() {
    assertThatThrownBy(() -> GroupProtocol.decodeState(bytes(later(STATE_BYTES, 3, 2))))
        .isInstanceOf(IOException.class)
        .hasMessage(
            "it is of version 3 and for workers of version 2 or later, and this worker has version"
                + " 1");
  }

  private static String later(String hex, int version, int reader) {
    return hex.substring(0, 4) + "0" + version + "0" + reader + hex.substring(8);
  }

  @Test
  void whatIsNoneOfTheseIsNamed() {
    assertThatThrownBy(() -> GroupProtocol.decodeState(null)).hasMessage("it is empty");
    assertThatThrownBy(() -> GroupProtocol.decodeAssignment(ByteBuffer.allocate(0)))
        .hasMessage("it is empty");
    assertThatThrownBy(() -> GroupProtocol.decodeState(bytes(ASSIGNMENT_BYTES)))
        .hasMessage("it was not written by a worker of Caravan");
    assertThatThrownBy(() -> GroupProtocol.decodeState(bytes(STATE_BYTES.substring(0, 44))))
        .hasMessage("it has no section 1");
  }

  @Test
  void nonsenseIsRefusedWhateverItIs() {
    Random random = new Random(1);
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = HexFormat.of().parseHex(random.nextBoolean() ? STATE_BYTES : ASSIGNMENT_BYTES);
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
      GroupProtocol.decodeAssignment(bytes);
    } catch (IOException e) {
      refusals++;
    }
    return refusals > 0;
  }
}
