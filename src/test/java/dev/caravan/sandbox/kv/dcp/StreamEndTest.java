// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RecordedNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Sections 09, 11 and 14 of answers-protocol.txt: how streams end, and what dropped collections do
 * to them.
 */
class StreamEndTest extends RecordedNode {
  private static final int VBUCKET = 5;

  @BeforeEach
  void connect() throws Exception {
    client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures());
  }

  private void streamLive(String filter) throws IOException {
    long high = bucket.highSeqno(VBUCKET);
    assertThat(
            client.stream(VBUCKET, 0, high, -1, bucket.vbuuid(VBUCKET), high, high, filter)
                .status())
        .isZero();
  }

  private int closeStream(int vbucket) throws IOException {
    return client.call(0x52, vbucket, 0, "", "", new byte[0]).status();
  }

  /**
   * 09: "close open stream (no control)", "close again", "close never opened vb", "close vb 100".
   */
  @Test
  void aClosedStreamIsSilent() throws IOException {
    streamLive("");
    assertThat(closeStream(VBUCKET)).isZero();
    bucket.upsert("k80", "1");
    assertThat(client.arrivedWords()).isEmpty();
    assertThat(closeStream(VBUCKET)).isEqualTo(0x01);
    assertThat(closeStream(6)).isEqualTo(0x01);
    assertThat(closeStream(100)).isEqualTo(0x01);
  }

  /** 09: "close with send_stream_end_on_client_close_stream". */
  @Test
  void aClientMayAskForTheEndOfTheStreamsThatItCloses() throws IOException {
    client.control("send_stream_end_on_client_close_stream", "true");
    streamLive("");
    assertThat(closeStream(VBUCKET)).isZero();
    assertThat(client.arrivedWords()).containsExactly("[28 bytes] STREAM_END reason=1");
  }

  /** 09: "set vb 9 -> replica", "failover log after replica->active". */
  @Test
  void aNewBranchOfHistoryEndsTheStream() throws IOException {
    streamLive("");
    long before = bucket.vbuuid(VBUCKET);
    bucket.branch(VBUCKET);
    assertThat(client.arrivedWords()).containsExactly("[28 bytes] STREAM_END reason=2");
    byte[] log = client.call(0x54, VBUCKET, 0, "", "", new byte[0]).value();
    assertThat(log)
        .isEqualTo(
            ByteBuffer.allocate(32)
                .putLong(bucket.vbuuid(VBUCKET))
                .putLong(11)
                .putLong(before)
                .putLong(0)
                .array());
  }

  /** A client that is so slow that deletions are purged before it got them must not miss them. */
  @Test
  void aStreamThatFellBehindThePurgeSeqnoEnds() throws IOException {
    client.control("connection_buffer_size", "1");
    streamLive("");
    bucket.upsert("k80", "1");
    assertThat(client.arrived()).as("the marker fills the window").hasSize(1);
    bucket.delete("k80");
    bucket.delete("k98");
    bucket.upsert("k183", "1");
    bucket.purgeTombstones();
    client.control("connection_buffer_size", "0");
    assertThat(client.arrivedWords())
        .satisfiesExactly(
            w -> assertThat(w).contains("MUTATION seq=12"),
            w -> assertThat(w).isEqualTo("[28 bytes] STREAM_END reason=2"));
    assertThat(client.stream(VBUCKET, 0, 12, -1, bucket.vbuuid(VBUCKET), 12, 12, "").status())
        .isEqualTo(0x23);
  }

  /** 11: "manifest uid 6: drop airline(8)", "filter {"collections":["8"]}". */
  @Test
  void aStreamEndsWithItsLastCollection() throws IOException {
    streamLive("{\"collections\":[\"8\"]}");
    bucket.dropCollection("inventory", "airline");
    assertThat(client.arrivedWords())
        .containsExactly(
            "[44 bytes] SNAPSHOT_MARKER v1 11-12 flags=0x5",
            "[53 bytes] SYSTEM_EVENT seq=12 event=1 version=0 key="
                + " value=00000000000000070000000800000008",
            "[28 bytes] STREAM_END reason=7");
  }

  /** 11: "manifest uid 7: drop scope inventory(8)", "filter {"scope":"8"}", "all". */
  @Test
  void aScopeIsDroppedAfterItsCollections() throws IOException {
    String airline =
        "[53 bytes] SYSTEM_EVENT seq=12 event=1 version=0 key="
            + " value=00000000000000060000000800000008";
    String hotel =
        "[53 bytes] SYSTEM_EVENT seq=13 event=1 version=0 key="
            + " value=00000000000000060000000800000009";
    String scope =
        "[49 bytes] SYSTEM_EVENT seq=14 event=4 version=0 key= value=000000000000000700000008";
    streamLive("{\"scope\":\"8\"}");
    try (RawClient all = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures())) {
      all.stream(VBUCKET, 0, 11, -1, bucket.vbuuid(VBUCKET), 11, 11, "");
      bucket.dropScope("inventory");
      assertThat(client.untilEnd())
          .contains(airline, hotel, scope)
          .endsWith("[28 bytes] STREAM_END reason=7");
      assertThat(all.arrivedWords()).contains(airline, hotel).endsWith(scope);
    }
  }

  /** 11: "filter {"scope":"8"}" shows the creation of "fresh" in a scope that is streamed. */
  @Test
  void aScopesStreamFollowsItsNewCollections() throws IOException {
    streamLive("{\"scope\":\"8\"}");
    bucket.createCollection("inventory", "fresh");
    bucket.collection("inventory", "fresh").upsert("k80", "1");
    assertThat(client.arrivedWords())
        .contains(
            "[58 bytes] SYSTEM_EVENT seq=12 event=0 version=0 key=fresh"
                + " value=0000000000000007000000080000000c")
        .last()
        .asString()
        .contains("key=\\x0ck80");
  }

  /** 11: "new stream from 0 (dropped collections)": neither creations nor documents of them. */
  @Test
  void whatWasDroppedIsNotInANewStream() throws IOException {
    bucket.collection("inventory", "hotel").upsert("k98", "1");
    long documents = bucket.documentCount();
    bucket.dropScope("inventory");
    assertThat(bucket.documentCount()).isEqualTo(documents - 1);
    client.stream(VBUCKET, 0, 15);
    assertThat(client.untilEnd())
        .noneMatch(w -> w.contains("inventory") || w.contains("airline") || w.contains("\\x09k98"))
        .filteredOn(w -> w.contains("SYSTEM_EVENT"))
        .extracting(w -> w.split(" ")[3])
        .containsExactly("seq=2", "seq=5", "seq=6", "seq=13", "seq=14", "seq=15");
  }

  /** 14: "delete bucket": the sockets close without a stream end. */
  @Test
  void aDroppedBucketDisconnectsItsClients() throws IOException {
    streamLive("");
    try (RawClient data = RawClient.ready(node, "probe")) {
      node.dropBucket("probe");
      assertThat(client.isClosedByNode()).isTrue();
      assertThat(data.isClosedByNode()).isTrue();
    }
    try (RawClient again = new RawClient(node)) {
      again.plain("Administrator", "password");
      assertThat(again.select("probe").status()).isEqualTo(0x01);
    }
  }
}
