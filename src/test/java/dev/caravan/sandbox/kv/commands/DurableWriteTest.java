// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.Recorded;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** answers-durability-purge.txt, "durable writes" and what streams show of them. */
class DurableWriteTest {
  private static final int VBUCKET = 1;
  private CouchbaseNode node;
  private Bucket bucket;
  private RawClient writer;

  @BeforeEach
  void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(4).bucket("probe").start();
    bucket = node.bucket("probe");
    Recorded.createCollections(bucket);
    writer = RawClient.ready(node, "probe", 0x04, 0x07, 0x0b, 0x10, 0x11, 0x12);
  }

  @AfterEach
  void stop() throws IOException {
    writer.close();
    node.close();
  }

  /** Sends a set or delete with the durability level, and returns the seqno of the answer. */
  private long write(int opcode, int level, String id, String value) throws IOException {
    byte[] key = ("\0" + id).getBytes(StandardCharsets.UTF_8);
    byte[] body = value.getBytes(StandardCharsets.UTF_8);
    int extras = opcode == 0x01 ? 8 : 0;
    int length = 2 + extras + key.length + body.length;
    ByteBuffer frame = ByteBuffer.allocate(24 + length);
    frame.put((byte) 0x08).put((byte) opcode).put((byte) 2).put((byte) key.length);
    frame.put((byte) extras).put((byte) 0).putShort((short) VBUCKET);
    frame.putInt(length).putInt(0).putLong(0);
    frame.put((byte) 0x11).put((byte) level).put(new byte[extras]).put(key).put(body);
    writer.sendRaw(frame.array());
    RawClient.Frame answer = writer.reply(opcode);
    assertThat(answer.status()).isZero();
    return ByteBuffer.wrap(answer.extras()).getLong(8);
  }

  /** "plain set ... 7", "durable set (majority) ... 8", "durable delete ... a", "... c". */
  private void writeAsRecorded() throws IOException {
    bucket.upsert("dur-2", "{\"a\":1}");
    assertThat(write(0x01, 1, "dur-5", "{\"a\":1}")).isEqualTo(8);
    assertThat(write(0x04, 1, "dur-5", "")).isEqualTo(10);
    assertThat(write(0x01, 3, "dur-11", "{\"a\":1}")).isEqualTo(12);
    assertThat(bucket.highSeqno(VBUCKET)).isEqualTo(13);
  }

  /** "same from disk, non sync-write client": prepares are invisible. */
  @Test
  void preparesAreNotSeenFromDisk() throws IOException {
    writeAsRecorded();
    assertThat(stream().subList(1, 5))
        .satisfiesExactly(
            w -> assertThat(w).startsWith("[68 bytes] MUTATION seq=7 rev=1"),
            w ->
                assertThat(w)
                    .isEqualTo(
                        "[48 bytes] DELETION v1 seq=11 rev=2 nmeta=0 dt=0 key=\\x00dur-5 val=0"),
            w -> assertThat(w).startsWith("[69 bytes] MUTATION seq=13 rev=3"),
            w -> assertThat(w).isEqualTo("[28 bytes] STREAM_END reason=0"));
  }

  /** "same, enable_sync_writes + consumer_name". */
  @Test
  void aClientOfDurableWritesIsToldHowFarTheyWent() throws IOException {
    writeAsRecorded();
    assertThat(stream("enable_sync_writes", "consumer_name").get(0))
        .isEqualTo("[61 bytes] SNAPSHOT_MARKER v2.0 0-13 flags=0x6 maxVisible=13 highCompleted=12");
  }

  /** 08 of answers-protocol.txt, "enable_sync_writes (snapshot marker v2)": without a name. */
  @Test
  void aClientOfDurableWritesWithoutANameIsNot() throws IOException {
    writeAsRecorded();
    assertThat(stream("enable_sync_writes").get(0))
        .isEqualTo("[44 bytes] SNAPSHOT_MARKER v1 0-13 flags=0x6");
  }

  /** The last of the live ones: "SNAPSHOT_MARKER v1 13-13 flags=0x1", MUTATION seq=13. */
  @Test
  void aLiveDurableWriteIsOneMutation() throws IOException {
    try (RawClient client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures())) {
      client.stream(VBUCKET, 0, 6, -1, bucket.vbuuid(VBUCKET), 6, 6, "");
      bucket.upsert("dur-2", "{\"a\":1}");
      assertThat(client.arrivedWords().get(0))
          .isEqualTo("[44 bytes] SNAPSHOT_MARKER v1 6-7 flags=0x5");
      assertThat(write(0x01, 1, "dur-5", "{\"a\":1}")).isEqualTo(8);
      assertThat(client.arrivedWords())
          .satisfiesExactly(
              w -> assertThat(w).isEqualTo("[44 bytes] SNAPSHOT_MARKER v1 9-9 flags=0x1"),
              w -> assertThat(w).startsWith("[68 bytes] MUTATION seq=9 rev=1"));
    }
  }

  private List<String> stream(String... controls) throws IOException {
    try (RawClient client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures())) {
      for (String control : controls) {
        assertThat(client.control(control, "true").status()).isZero();
      }
      client.stream(VBUCKET, 0, 0, 13, 0, 0, 0, "{\"collections\":[\"0\"]}");
      return client.untilEnd();
    }
  }
}
