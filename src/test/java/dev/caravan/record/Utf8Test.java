// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("unit")
class Utf8Test {
  private static final HexFormat HEX = HexFormat.of();

  @ParameterizedTest
  @ValueSource(
      strings = {"", "a", "{\"a\":1}", "Zürich", "中", "😀", "\u0000", "\uffff", "\ud7ff\ue000"})
  void textIsText(String text) {
    for (int before = 0; before < 20; before++) {
      assertThat(Utf8.isText(("x".repeat(before) + text + "12345678").getBytes(UTF_8))).isTrue();
      assertThat(Utf8.isText(("x".repeat(before) + text).getBytes(UTF_8))).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "80",
        "bf",
        "c0af",
        "c180",
        "c2",
        "c241",
        "e08080",
        "e09fbf",
        "eda080",
        "edbfbf",
        "eda0bdedb880",
        "e4b8",
        "e4b841",
        "f08080bf",
        "f08fbfbf",
        "f4908080",
        "f5808080",
        "f0908080c3",
        "f09f98",
        "fe",
        "ff",
        "f888808080"
      })
  void otherBytesAreNot(String bytes) {
    for (int before = 0; before < 20; before++) {
      byte[] cut = HEX.parseHex("61".repeat(before) + bytes);
      byte[] continued = HEX.parseHex("61".repeat(before) + bytes + "22".repeat(9));
      assertThat(Utf8.isText(cut)).as(bytes).isFalse();
      assertThat(Utf8.isText(continued)).as(bytes).isFalse();
    }
  }

  /** Java's own decoder is the reference, for bytes that look like UTF-8 here and there. */
  @Test
  void itAgreesWithJavasDecoder() {
    Random random = new Random(11);
    int[] likely = {
      0x22, 0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xdf, 0xe0, 0xed, 0xf0, 0xf4
    };
    int texts = 0;
    for (int i = 0; i < 200_000; i++) {
      byte[] bytes = new byte[random.nextInt(12)];
      for (int at = 0; at < bytes.length; at++) {
        bytes[at] = (byte) (random.nextBoolean() ? 0x41 : likely[random.nextInt(likely.length)]);
      }
      boolean expected = javaDecodes(bytes);
      texts += expected ? 1 : 0;
      assertThat(Utf8.isText(bytes)).as(HEX.formatHex(bytes)).isEqualTo(expected);
    }
    assertThat(texts).isBetween(20_000, 180_000);
  }

  private static boolean javaDecodes(byte[] bytes) {
    try {
      UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
      return true;
    } catch (CharacterCodingException e) {
      return false;
    }
  }
}
