// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Subdocument commands frame by frame; what the SDK makes of them is in OfficialClientsTest. */
class SubdocTest {
  private static final int VBUCKET = 5;
  private static final int MAKE_PATH = 0x01;
  private static final int XATTR = 0x04;
  private static final byte[] KEY = "\0k80".getBytes(StandardCharsets.UTF_8);
  private CouchbaseNode node;
  private Bucket bucket;
  private RawClient client;

  @BeforeEach
  void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(64).bucket("probe").start();
    bucket = node.bucket("probe");
    client = RawClient.ready(node, "probe", 0x06, 0x07, 0x0b, 0x12);
    bucket.upsert("k80", "{\"a\":{\"b\":[1,2,3]},\"c.d\":true,\"n\":41}");
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    node.close();
  }

  private static byte[] lookup(int opcode, int flags, String path) {
    byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(4 + bytes.length)
        .put((byte) opcode)
        .put((byte) flags)
        .putShort((short) bytes.length)
        .put(bytes)
        .array();
  }

  private static byte[] mutation(int opcode, int flags, String path, String value) {
    byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
    byte[] json = value.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + bytes.length + json.length)
        .put((byte) opcode)
        .put((byte) flags)
        .putShort((short) bytes.length)
        .putInt(json.length)
        .put(bytes)
        .put(json)
        .array();
  }

  private Frame send(int opcode, String extras, byte[]... operations) throws IOException {
    ByteArrayOutputStream value = new ByteArrayOutputStream();
    for (byte[] operation : operations) {
      value.writeBytes(operation);
    }
    return client.call(opcode, VBUCKET, 0, extras, "\0k80", value.toByteArray());
  }

  /** Status and value of each operation of a lookup. */
  private static List<String> results(Frame answer) {
    List<String> results = new ArrayList<>();
    ByteBuffer in = ByteBuffer.wrap(answer.value());
    while (in.hasRemaining()) {
      String status = "%02x".formatted(in.getShort());
      byte[] value = new byte[in.getInt()];
      in.get(value);
      results.add((status + " " + new String(value, StandardCharsets.UTF_8)).trim());
    }
    return results;
  }

  private String body() {
    return new String(bucket.defaultCollection().get("k80").orElseThrow(), StandardCharsets.UTF_8);
  }

  @Test
  void partsAreReadByTheirPaths() throws IOException {
    Frame answer =
        send(
            0xd0,
            "",
            lookup(0xc5, 0, "a.b[0]"),
            lookup(0xc5, 0, "a.b[-1]"),
            lookup(0xc5, 0, "`c.d`"),
            lookup(0xc6, 0, "a"),
            lookup(0xd2, 0, "a.b"));
    assertThat(answer.status()).isZero();
    assertThat(results(answer)).containsExactly("00 1", "00 3", "00 true", "00", "00 3");
  }

  @Test
  void eachPathFailsByItself() throws IOException {
    Frame answer =
        send(
            0xd0,
            "",
            lookup(0xc5, 0, "missing"),
            lookup(0xc5, 0, "n.x"),
            lookup(0xc5, 0, "a["),
            lookup(0x00, 0, ""));
    assertThat(answer.status()).isEqualTo(0xcc);
    assertThat(results(answer)).startsWith("c0", "c1", "c2").last().isEqualTo("00 " + body());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0xc7 | new        | 1   | {\"a\":{\"b\":[1,2,3]},\"c.d\":true,\"n\":41,\"new\":1}",
        "0xc8 | n          | 2   | {\"a\":{\"b\":[1,2,3]},\"c.d\":true,\"n\":2}",
        "0xc9 | a          | ''  | {\"c.d\":true,\"n\":41}",
        "0xca | a.b[1]     | {}  | {\"a\":{\"b\":[1,{},3]},\"c.d\":true,\"n\":41}",
        "0xcb | a.b        | 4,5 | {\"a\":{\"b\":[1,2,3,4,5]},\"c.d\":true,\"n\":41}",
        "0xcc | a.b        | 0   | {\"a\":{\"b\":[0,1,2,3]},\"c.d\":true,\"n\":41}",
        "0xcd | a.b[1]     | 9   | {\"a\":{\"b\":[1,9,2,3]},\"c.d\":true,\"n\":41}",
        "0xce | a.b        | 7   | {\"a\":{\"b\":[1,2,3,7]},\"c.d\":true,\"n\":41}",
        "0xcf | n          | -1  | {\"a\":{\"b\":[1,2,3]},\"c.d\":true,\"n\":40}",
      })
  void partsAreWrittenByTheirPaths(String opcode, String path, String value, String body)
      throws IOException {
    assertThat(send(0xd1, "", mutation(Integer.decode(opcode), 0, path, value)).status()).isZero();
    assertThat(body()).isEqualTo(body);
  }

  @ParameterizedTest
  @CsvSource({
    "0xc7, n, 1, 0xc9",
    "0xc8, x.y, 1, 0xc0",
    "0xc8, n.y, 1, 0xc1",
    "0xca, x, 1, 0xc0",
    "0xc9, x, '', 0xc0",
    "0xcb, n, 1, 0xc1",
    "0xce, a.b, 2, 0xc9",
    "0xc8, n, {, 0xc5",
    "0xcf, n, x, 0xc8",
  })
  void aMutationThatFailsChangesNothing(String opcode, String path, String value, String status)
      throws IOException {
    String before = body();
    Frame answer =
        send(
            0xd1,
            "",
            mutation(0xc8, 0, "first", "1"),
            mutation(Integer.decode(opcode), 0, path, value));
    assertThat(answer.status()).isEqualTo(0xcc);
    ByteBuffer which = ByteBuffer.wrap(answer.value());
    assertThat(which.get()).as("the second").isEqualTo((byte) 1);
    assertThat((int) which.getShort()).isEqualTo(Integer.decode(status));
    assertThat(body()).isEqualTo(before);
  }

  @Test
  void aCounterTellsItsNumber() throws IOException {
    ByteBuffer told = ByteBuffer.wrap(send(0xd1, "", mutation(0xcf, 0, "n", "1")).value());
    assertThat(told.get()).isZero();
    assertThat(told.getShort()).isZero();
    assertThat(told.getInt()).isEqualTo(2);
    assertThat(told.getShort()).isEqualTo((short) ('4' << 8 | '2'));
  }

  @Test
  void attributesAreWrittenAndReadBesideTheBody() throws IOException {
    String before = body();
    assertThat(
            send(0xd1, "", mutation(0xc8, XATTR | MAKE_PATH, "_sync.rev.id", "\"1-a\"")).status())
        .isZero();
    Frame answer =
        send(0xd0, "", lookup(0xc5, XATTR, "_sync.rev"), lookup(0xc5, XATTR, "$document.exptime"));
    assertThat(results(answer)).containsExactly("00 {\"id\":\"1-a\"}", "00 0");
    assertThat(body()).isEqualTo(before);
    assertThat(send(0xd1, "", mutation(0xc9, XATTR, "_sync", "")).status()).isZero();
    assertThat(results(send(0xd0, "", lookup(0xc6, XATTR, "_sync")))).containsExactly("c0");
  }

  @Test
  void aDocumentIsMadeOnlyIfThatIsAskedFor() throws IOException {
    bucket.delete("k80");
    assertThat(send(0xd1, "", mutation(0xc8, 0, "x", "1")).status()).isEqualTo(0x01);
    assertThat(send(0xd1, "01", mutation(0xc8, 0, "x", "1")).status()).as("upsert").isZero();
    assertThat(body()).isEqualTo("{\"x\":1}");
    assertThat(send(0xd1, "02", mutation(0xc8, 0, "x", "2")).status()).as("add").isEqualTo(0x02);
    assertThat(send(0xd0, "04", lookup(0xc6, 0, "x")).status()).as("deleted ones").isEqualTo(0x83);
  }

  @Test
  void combinationsThatMakeNoSenseAreRefused() throws IOException {
    assertThat(send(0xd1, "", lookup(0xc5, 0, "n")).status()).isEqualTo(0x04);
    assertThat(send(0xd0, "", lookup(0xc8, 0, "n")).status()).isEqualTo(0xcb);
    assertThat(send(0xd0, "").status()).isEqualTo(0xcb);
    assertThat(send(0xd0, "", lookup(0xc5, 0, "n"), lookup(0xc5, XATTR, "_a")).status())
        .as("attributes come first")
        .isEqualTo(0xd4);
    assertThat(send(0xd0, "", lookup(0xc5, XATTR, "_a"), lookup(0xc5, XATTR, "_b")).status())
        .as("one attribute only")
        .isEqualTo(0xcf);
    assertThat(send(0xd1, "", mutation(0xc8, XATTR | 0x10, "_a", "\"${Mutation.CAS}\"")).status())
        .as("macros are not expanded")
        .isEqualTo(0xd0);
    assertThat(send(0xd1, "", mutation(0xc8, XATTR, "$document.x", "1")).status()).isEqualTo(0xd2);
    client.set(VBUCKET, KEY, "no JSON");
    assertThat(results(send(0xd0, "", lookup(0xc5, 0, "n")))).containsExactly("c6");
  }
}
