// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xerial.snappy.Snappy;

/** What a node takes for JSON, and for a snappy block. */
@Tag("unit")
class DatatypeTest {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  @Test
  void aStringAsLongAsADocumentMayBeIsJson() {
    String longest = '"' + "x".repeat(Request.MAX_VALUE_LENGTH - 2) + '"';

    assertThat(Datatype.of(longest.getBytes(UTF_8))).isEqualTo(Datatype.JSON);
  }

  @Test
  void arraysMayBeNestedDeeply() {
    String deep = "[".repeat(100_000) + "]".repeat(100_000);

    assertThat(Datatype.of(deep.getBytes(UTF_8))).isEqualTo(Datatype.JSON);
    assertThat(Datatype.of(deep.substring(1).getBytes(UTF_8))).isEqualTo(Datatype.RAW);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "0",
        "-0",
        "-12.5e+3",
        "1E9",
        "true",
        "false",
        "null",
        "\"\"",
        "\"\\u00e4\\n\\\"\"",
        "{}",
        "[]",
        " [ 1 , \"a\" , { \"b\" : [ ] , \"c\" : null } ]\r\n\t",
        "{\"a\":{\"b\":{}},\"c\":[[]]}",
        "\"ä €\"",
      })
  void aJsonText(String text) {
    assertThat(Datatype.of(text.getBytes(UTF_8))).isEqualTo(Datatype.JSON);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "tru",
        "nulls",
        "\"",
        "\"a",
        "'a'",
        "{",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "[1 2]",
        "[}",
        "{]",
        "1 2",
        "[]]",
        "\"\t\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\u0000",
        "1\u0000",
        "ä",
        "{\"a\":ä}",
      })
  void noJsonText(String text) {
    assertThat(Datatype.of(text.getBytes(UTF_8))).isEqualTo(Datatype.RAW);
  }

  /** Recorded: {@code 22 ed a0 80 22} gets the JSON datatype. */
  @ParameterizedTest
  @ValueSource(
      strings = {"22eda08022", "22c08022", "7b22eda0bd223a317d", "22e0808022", "22f490808022"})
  void aCharacterIsOnlyCountedInBytes(String hex) {
    assertThat(Datatype.of(HexFormat.of().parseHex(hex))).isEqualTo(Datatype.JSON);
  }

  /** Latin-1 among others: too few bytes, too many, and a first byte that there is not. */
  @ParameterizedTest
  @ValueSource(strings = {"22636166e922", "22c322", "228022", "22ff22", "22f88080808022", "22e282"})
  void bytesThatMakeNoCharacterAreNoJson(String hex) {
    assertThat(Datatype.of(HexFormat.of().parseHex(hex))).isEqualTo(Datatype.RAW);
  }

  /** Random texts of a small alphabet, against a parser of another make. */
  @Test
  void itAgreesWithAParser() throws IOException {
    Random random = new Random(5);
    String[] parts = {"{", "}", "[", "]", ",", ":", "\"a\"", "\"\\n\"", "1", "-2.5", "true", " "};
    int valid = 0;
    for (int i = 0; i < 50_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(8); n >= 0; n--) {
        text.append(parts[random.nextInt(parts.length)]);
      }
      byte[] bytes = text.toString().getBytes(UTF_8);
      boolean isJson = isJson(bytes);
      valid += isJson ? 1 : 0;
      assertThat(Datatype.of(bytes) == Datatype.JSON).as(text.toString()).isEqualTo(isJson);
    }
    assertThat(valid).isGreaterThan(1000);
  }

  private static boolean isJson(byte[] bytes) throws IOException {
    try {
      return !JSON.readTree(bytes).isMissingNode();
    } catch (JsonProcessingException e) {
      return false;
    }
  }

  /**
   * The first two are of libsnappy 1.1.9. The others have the elements of snappy's
   * format_description.txt: lengths of literals in one to four bytes, copies with offsets of 11
   * bits, two and four bytes, and a size that is longer than it need be.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "1c187b2278223a22784a010004227d",
        "03089b528b",
        "051068656c6c6f",
        "05f00468656c6c6f",
        "05f4040068656c6c6f",
        "05f80400006868656c6c",
        "05fc0400000068656c6c6f",
        "0800610d01",
        "0800611a0100",
        "0800611b01000000",
        "85001068656c6c6f",
        "00",
      })
  void aBlockOfAnyCompressorIsInflated(String hex) throws IOException {
    byte[] block = HexFormat.of().parseHex(hex);
    assertThat(Datatype.inflate(block)).hasSize(Snappy.uncompressedLength(block));
  }
}
