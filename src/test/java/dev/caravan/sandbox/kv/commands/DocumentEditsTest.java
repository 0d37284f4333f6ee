// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Counters, appended bytes, expiries and metadata: not recorded, but what writers use. */
class DocumentEditsTest {
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
    client = RawClient.ready(node, "probe", 0x04, 0x07, 0x0b, 0x12);
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    node.close();
  }

  private Frame count(int opcode, long delta, long initial, int expiry) throws IOException {
    byte[] extras = ByteBuffer.allocate(20).putLong(delta).putLong(initial).putInt(expiry).array();
    return client.call(opcode, VBUCKET, 0, extras, KEY, NOTHING);
  }

  private static long number(Frame answer) {
    assertThat(answer.status()).isZero();
    return ByteBuffer.wrap(answer.value()).getLong();
  }

  private Frame get() throws IOException {
    return client.call(0x00, VBUCKET, 0, NOTHING, KEY, NOTHING);
  }

  @Test
  void aCounterCountsFromItsInitialValueAndNotBelowZero() throws IOException {
    assertThat(count(0x05, 1, 10, -1).status()).as("not to be made").isEqualTo(0x01);
    assertThat(number(count(0x05, 1, 10, 0))).isEqualTo(10);
    assertThat(number(count(0x05, 5, 10, 0))).isEqualTo(15);
    assertThat(number(count(0x06, 4, 10, 0))).isEqualTo(11);
    assertThat(get().text()).isEqualTo("11");
    assertThat(get().datatype()).as("a number is JSON").isEqualTo(1);
    assertThat(number(count(0x06, 100, 0, 0))).isZero();
    assertThat(bucket.highSeqno(VBUCKET)).as("each is a mutation").isEqualTo(4);
    bucket.upsert("k80", "no number");
    assertThat(count(0x05, 1, 1, 0).status()).isEqualTo(0x06);
  }

  @Test
  void bytesAreAppendedAndPrepended() throws IOException {
    assertThat(client.call(0x0e, VBUCKET, 0, NOTHING, KEY, NOTHING).status()).isEqualTo(0x05);
    bucket.upsert("k80", "\"b");
    byte[] quote = "\"".getBytes(StandardCharsets.UTF_8);
    assertThat(client.call(0x0e, VBUCKET, 0, NOTHING, KEY, quote).status()).isZero();
    assertThat(get().datatype()).as("now it is JSON").isEqualTo(1);
    client.call(0x0f, VBUCKET, 0, NOTHING, KEY, "a".getBytes(StandardCharsets.UTF_8));
    assertThat(get().text()).isEqualTo("a\"b\"");
    assertThat(get().datatype()).isZero();
  }

  @Test
  void aTouchIsAMutationIfItChangesTheExpiry() throws IOException {
    int later = (int) Instant.now().getEpochSecond() + 1000;
    byte[] extras = ByteBuffer.allocate(4).putInt(later).array();
    assertThat(client.call(0x1c, VBUCKET, 0, extras, KEY, NOTHING).status()).isEqualTo(0x01);
    bucket.upsert("k80", "{\"x\":1}");
    Frame touched = client.call(0x1c, VBUCKET, 0, extras, KEY, NOTHING);
    assertThat(touched.status()).isZero();
    assertThat(touched.cas()).isEqualTo(get().cas());
    assertThat(bucket.highSeqno(VBUCKET)).isEqualTo(2);
    Frame read = client.call(0x1d, VBUCKET, 0, extras, KEY, NOTHING);
    assertThat(read.text()).isEqualTo("{\"x\":1}");
    assertThat(read.extras()).hasSize(4);
    assertThat(bucket.highSeqno(VBUCKET)).as("the same expiry again").isEqualTo(2);
    assertThat(meta().getInt(8)).isEqualTo(later);
  }

  private ByteBuffer meta() throws IOException {
    Frame answer = client.call(0xa0, VBUCKET, 0, new byte[] {2}, KEY, NOTHING);
    assertThat(answer.status()).isZero();
    return ByteBuffer.wrap(answer.extras());
  }

  @Test
  void theMetadataOfADocumentOutlivesIt() throws IOException {
    assertThat(client.call(0xa0, VBUCKET, 0, NOTHING, KEY, NOTHING).status()).isEqualTo(0x01);
    bucket.upsert("k80", "{\"x\":1}");
    assertThat(meta())
        .isEqualTo(
            ByteBuffer.allocate(21).putInt(0).putInt(0).putInt(0).putLong(1).put((byte) 1).flip());
    bucket.delete("k80");
    ByteBuffer deleted = meta();
    assertThat(deleted.getInt(0)).isEqualTo(1);
    assertThat(deleted.getLong(12)).as("revision").isEqualTo(2);
  }

  /** A real node keeps the attributes of a document whose body is written. */
  @Test
  void extendedAttributesStayWhenTheBodyIsWritten() throws IOException {
    bucket.defaultCollection().upsertWithXattrs("k80", "1", "_sync", "{\"rev\":1}");
    client.set(VBUCKET, KEY, "{\"x\":2}");
    assertThat(get().text()).isEqualTo("{\"x\":2}");
    try (RawClient dcp = RawClient.dcp(node, "probe", 0x5, RawClient.dcpFeatures())) {
      dcp.stream(VBUCKET, 0, -1);
      Frame mutation = dcp.arrived().get(1);
      assertThat(mutation.datatype()).isEqualTo(5);
      assertThat(mutation.text()).contains("_sync\0{\"rev\":1}\0").endsWith("{\"x\":2}");
    }
  }
}
