// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.protocol.Request;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xerial.snappy.Snappy;

/** Single documents over the wire, beyond what the Java SDK can be made to send. */
class DocumentCommandsTest {
  private static final int VBUCKET = 5;
  private static final byte[] KEY = "\0k80".getBytes(StandardCharsets.UTF_8);
  private static final byte[] NOTHING = {};
  private CouchbaseNode node;
  private Bucket bucket;
  private RawClient client;

  @BeforeEach
  void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(64).bucket("probe").start();
    bucket = node.bucket("probe");
    client = RawClient.ready(node, "probe", 0x04, 0x07, 0x0a, 0x0b, 0x10, 0x11, 0x12);
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    node.close();
  }

  private Frame get() throws IOException {
    return client.call(0x00, VBUCKET, 0, NOTHING, KEY, NOTHING);
  }

  private Frame write(int opcode, int datatype, long cas, int flags, int expiry, byte[] value)
      throws IOException {
    byte[] extras = ByteBuffer.allocate(8).putInt(flags).putInt(expiry).array();
    client.send(0x80, opcode, VBUCKET, datatype, 0, cas, extras, KEY, value);
    return client.reply(opcode);
  }

  private Frame write(int opcode, long cas, String value) throws IOException {
    return write(opcode, 0, cas, 0, 0, value.getBytes(StandardCharsets.UTF_8));
  }

  /** answers-durability-purge.txt, "plain set": 16 bytes of extras with vbuuid and seqno. */
  @Test
  void aWriteIsAnsweredWithItsPlaceInTheHistory() throws IOException {
    Frame written = write(0x01, 0, "{\"x\":1}");
    assertThat(written.status()).isZero();
    assertThat(written.extras())
        .isEqualTo(ByteBuffer.allocate(16).putLong(bucket.vbuuid(VBUCKET)).putLong(1).array());
    assertThat(get().cas()).isEqualTo(written.cas()).isPositive();
  }

  @Test
  void flagsAndDatatypeComeBack() throws IOException {
    write(0x01, 0, 0, 0x02000006, 0, "{\"x\":1}".getBytes(StandardCharsets.UTF_8));
    assertThat(HexFormat.of().formatHex(get().extras())).isEqualTo("02000006");
    assertThat(get().datatype()).isEqualTo(1);
    // What the request claims doesn't count: the node looks at the value.
    write(0x01, 1, 0, 0, 0, "{\"x\":".getBytes(StandardCharsets.UTF_8));
    assertThat(get().datatype()).isZero();
  }

  @Test
  void conditionsOfWritesAreKept() throws IOException {
    assertThat(write(0x03, 0, "1").status()).as("replace of nothing").isEqualTo(0x01);
    assertThat(write(0x01, 4711, "1").status()).as("set with CAS of nothing").isEqualTo(0x01);
    assertThat(write(0x02, 0, "1").status()).as("add").isZero();
    assertThat(write(0x02, 0, "1").status()).as("add again").isEqualTo(0x02);
    long cas = get().cas();
    assertThat(write(0x01, cas + 1, "2").status()).as("wrong CAS").isEqualTo(0x02);
    assertThat(write(0x01, cas, "2").status()).as("right CAS").isZero();
    client.send(0x80, 0x04, VBUCKET, 0, 0, cas, NOTHING, KEY, NOTHING);
    assertThat(client.reply(0x04).status()).as("delete with an old CAS").isEqualTo(0x02);
    assertThat(client.call(0x04, VBUCKET, 0, NOTHING, KEY, NOTHING).status()).isZero();
    assertThat(client.call(0x04, VBUCKET, 0, NOTHING, KEY, NOTHING).status()).isEqualTo(0x01);
    assertThat(get().status()).isEqualTo(0x01);
  }

  @Test
  void compressedValuesAreCheckedAndInflatedForThoseWithoutSnappy() throws IOException {
    String value = "{\"pad\":\"" + "y".repeat(500) + "\"}";
    byte[] compressed = Snappy.compress(value);
    assertThat(write(0x01, 2, 0, 0, 0, compressed).status()).isZero();
    assertThat(get().datatype()).isEqualTo(3);
    assertThat(get().value()).isEqualTo(compressed);
    try (RawClient plain = RawClient.ready(node, "probe", 0x07)) {
      Frame read = plain.call(0x00, VBUCKET, 0, "", "k80", NOTHING);
      assertThat(read.datatype()).isZero();
      assertThat(read.text()).isEqualTo(value);
      plain.send(
          0x80,
          0x01,
          VBUCKET,
          2,
          0,
          0,
          new byte[8],
          "k80".getBytes(StandardCharsets.UTF_8),
          compressed);
      assertThat(plain.reply(0x01).status()).as("SNAPPY was not agreed on").isEqualTo(0x04);
    }
    assertThat(write(0x01, 2, 0, 0, 0, new byte[] {(byte) 0xff, 1, 2}).status())
        .as("not a snappy block")
        .isEqualTo(0x04);
  }

  @Test
  void anExpiredDocumentIsGoneAndItsExpirationIsAChange() throws IOException {
    write(0x01, 0, 0, 0, 1_000_000_000, "1".getBytes(StandardCharsets.UTF_8));
    assertThat(bucket.highSeqno(VBUCKET)).isEqualTo(1);
    assertThat(get().status()).isEqualTo(0x01);
    assertThat(bucket.highSeqno(VBUCKET)).as("expired on access").isEqualTo(2);
    write(0x01, 0, 0, 0, 1_000_000_000, "1".getBytes(StandardCharsets.UTF_8));
    assertThat(bucket.documentCount()).isEqualTo(1);
    assertThat(bucket.expireDue()).as("the pager").isEqualTo(1);
    assertThat(bucket.documentCount()).isZero();
    assertThat(bucket.highSeqno(VBUCKET)).isEqualTo(4);
    write(0x01, 0, 0, 0, 60, "1".getBytes(StandardCharsets.UTF_8));
    assertThat(get().status()).as("in a minute").isZero();
  }

  /**
   * answers-durability-purge.txt, "durable set (majority)": its prepare takes a seqno of its own.
   */
  @Test
  void aDurableWriteTakesTwoSeqnos() throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(24 + 2 + 8 + KEY.length + 1);
    frame.put((byte) 0x08).put((byte) 0x01).put((byte) 2).put((byte) KEY.length);
    frame.put((byte) 8).put((byte) 0).putShort((short) VBUCKET);
    frame.putInt(2 + 8 + KEY.length + 1).putInt(0).putLong(0);
    frame.put((byte) 0x11).put((byte) 1).putLong(0).put(KEY).put((byte) '1');
    client.sendRaw(frame.array());
    Frame written = client.reply(0x01);
    assertThat(written.status()).isZero();
    assertThat(ByteBuffer.wrap(written.extras()).getLong(8)).isEqualTo(1);
    assertThat(bucket.highSeqno(VBUCKET)).isEqualTo(2);
  }

  @Test
  void frameInfoOfAnUnknownKindIsRefused() throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(24 + 1 + KEY.length);
    frame.put((byte) 0x08).put((byte) 0x00).put((byte) 1).put((byte) KEY.length);
    frame.put((byte) 0).put((byte) 0).putShort((short) VBUCKET);
    frame.putInt(1 + KEY.length).putInt(0).putLong(0).put((byte) 0xe0).put(KEY);
    client.sendRaw(frame.array());
    assertThat(client.reply(0x00).status()).isEqualTo(0x80);
  }

  @Test
  void malformedRequestsAreRefused() throws IOException {
    assertThat(client.call(0x01, VBUCKET, 0, NOTHING, KEY, NOTHING).status())
        .as("set without extras")
        .isEqualTo(0x04);
    assertThat(client.call(0x00, VBUCKET, 0, NOTHING, NOTHING, NOTHING).status())
        .as("get without a key")
        .isEqualTo(0x04);
    assertThat(client.call(0x00, VBUCKET, 0, NOTHING, new byte[] {0}, NOTHING).status())
        .as("a key that is only a collection")
        .isEqualTo(0x04);
    assertThat(client.call(0x00, VBUCKET, 0, NOTHING, new byte[252], NOTHING).status())
        .as("a key that is too long")
        .isEqualTo(0x04);
    byte[] large = new byte[Request.MAX_VALUE_LENGTH + 1];
    assertThat(client.call(0x01, VBUCKET, 0, new byte[8], KEY, large).status()).isEqualTo(0x03);
  }

  @Test
  void aFrameThatIsNotOfTheProtocolEndsTheConnection() throws IOException {
    byte[] frame = new byte[24];
    frame[0] = 0x42;
    client.sendRaw(frame);
    assertThat(client.isClosedByNode()).isTrue();
  }
}
