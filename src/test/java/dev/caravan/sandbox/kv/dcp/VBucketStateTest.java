// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.RecordedNode;
import dev.caravan.sandbox.kv.bucket.VBucketReplica;
import dev.caravan.sandbox.kv.store.VBucketState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Section 09 of answers-protocol.txt: vBuckets that change state, are lost, and come back. */
class VBucketStateTest extends RecordedNode {
  private static final int VBUCKET = 5;
  private static final int ACTIVE_ONLY = 0x10;

  private static final String STATE_CHANGED = "[28 bytes] STREAM_END reason=2";

  @BeforeEach
  void connect() throws Exception {
    client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures());
  }

  private Frame stream(int flags) throws IOException {
    long high = bucket.highSeqno(VBUCKET);
    return client.stream(VBUCKET, flags, high, -1, bucket.vbuuid(VBUCKET), high, high, "");
  }

  private byte[] failoverLog() throws IOException {
    return client.call(0x54, VBUCKET, 0, "", "", new byte[0]).value();
  }

  private static byte[] log(long... uuidsAndSeqnos) {
    ByteBuffer log = ByteBuffer.allocate(uuidsAndSeqnos.length * 8);
    for (long number : uuidsAndSeqnos) {
      log.putLong(number);
    }
    return log.array();
  }

  /**
   * "set vb 9 -> replica", "stream request on replica vb (no flag)", "ACTIVE_ONLY 0x10", "failover
   * log of replica", "failover log after replica->active".
   */
  @Test
  void aReplicaIsStreamedToThoseWhoDoNotInsist() throws IOException {
    stream(0);
    long before = bucket.vbuuid(VBUCKET);
    bucket.setState(VBUCKET, VBucketState.REPLICA);
    assertThat(client.arrivedWords()).containsExactly(STATE_CHANGED);
    assertThat(stream(0).status()).isZero();
    assertThat(client.call(0x52, VBUCKET, 0, "", "", new byte[0]).status()).as("close").isZero();
    assertThat(stream(ACTIVE_ONLY).status()).isEqualTo(0x07);
    assertThat(stream(ACTIVE_ONLY).text()).contains("vBucketServerMap");
    assertThat(failoverLog()).isEqualTo(log(before, 0));
    bucket.setState(VBUCKET, VBucketState.ACTIVE);
    assertThat(failoverLog()).isEqualTo(log(bucket.vbuuid(VBUCKET), 11, before, 0));
    assertThat(bucket.vbuuid(VBUCKET)).isNotEqualTo(before);
  }

  /** "set vb 9 -> dead", "stream request on dead vb", "SET on dead vb: NMVB dt=1". */
  @Test
  void aDeadVBucketIsNobodys() throws IOException {
    stream(0);
    bucket.setState(VBUCKET, VBucketState.DEAD);
    assertThat(client.arrivedWords()).containsExactly(STATE_CHANGED);
    assertThat(stream(0).status()).isEqualTo(0x07);
    Frame refused = client.set(VBUCKET, "\0k80".getBytes(StandardCharsets.UTF_8), "1");
    assertThat(refused.status()).isEqualTo(0x07);
    assertThat(refused.datatype()).isEqualTo(1);
    assertThat(refused.text()).contains("vBucketServerMap");
  }

  /** 10: "GET_ALL_VB_SEQNOS state=active", "state=replica". */
  @Test
  void seqnosAreToldByState() throws IOException {
    bucket.setState(VBUCKET, VBucketState.REPLICA);
    bucket.setState(6, VBucketState.DEAD);
    assertThat(client.call(0x48, 0, 0, "00000001", "", new byte[0]).value()).hasSize(62 * 10);
    assertThat(client.call(0x48, 0, 0, "00000002", "", new byte[0]).value())
        .isEqualTo(ByteBuffer.allocate(10).putShort((short) VBUCKET).putLong(11).array());
    assertThat(client.call(0x48, "", "").value()).as("all but the dead").hasSize(63 * 10);
  }

  /** "DEL_VBUCKET active", "DEL_VBUCKET dead", "failover log after re-create". */
  @Test
  void aRecreatedVBucketHasANewHistory() throws IOException {
    stream(0);
    long before = bucket.vbuuid(VBUCKET);
    bucket.recreate(VBUCKET);
    assertThat(client.arrivedWords()).containsExactly(STATE_CHANGED);
    assertThat(failoverLog()).isEqualTo(log(bucket.vbuuid(VBUCKET), 0));
    assertThat(bucket.defaultCollection().get("k80")).isEmpty();
    Frame rollback = client.stream(VBUCKET, 0, 3, -1, before, 3, 3, "");
    assertThat(rollback.status()).isEqualTo(0x23);
    assertThat(ByteBuffer.wrap(rollback.value()).getLong()).isZero();
  }

  /**
   * couchbase-kv/README.md: "When one manifest update holds several changes, only the last event
   * carries the new uid"; 08: the events of "collections on, value "" -> all collections".
   */
  @Test
  void aRecreatedVBucketGetsTheCollectionsAsOneChange() throws IOException {
    bucket.recreate(VBUCKET);
    client.stream(VBUCKET, 0, 6);
    assertThat(client.untilEnd())
        .containsExactly(
            "[44 bytes] SNAPSHOT_MARKER v1 0-6 flags=0x6",
            "[58 bytes] SYSTEM_EVENT seq=1 event=3 version=0 key=inventory"
                + " value=000000000000000000000008",
            "[55 bytes] SYSTEM_EVENT seq=2 event=3 version=0 key=tenant"
                + " value=000000000000000000000009",
            "[60 bytes] SYSTEM_EVENT seq=3 event=0 version=0 key=airline"
                + " value=00000000000000000000000800000008",
            "[58 bytes] SYSTEM_EVENT seq=4 event=0 version=0 key=hotel"
                + " value=00000000000000000000000800000009",
            "[58 bytes] SYSTEM_EVENT seq=5 event=0 version=0 key=users"
                + " value=0000000000000000000000090000000a",
            "[65 bytes] SYSTEM_EVENT seq=6 event=0 version=1 key=bookings"
                + " value=0000000000000006000000090000000b00015180",
            "[28 bytes] STREAM_END reason=0");
  }

  /**
   * couchbase-kv/README.md "Rollback": upper is the seqno at which the next newer branch started.
   */
  @Test
  void aFailoverLosesWhatTheReplicaHadNotReceived() throws IOException {
    long before = bucket.vbuuid(VBUCKET);
    VBucketReplica replica = bucket.replica(VBUCKET);
    bucket.upsert("k80", "{\"lost\":1}");
    bucket.delete("k98");
    stream(0);
    bucket.failOver(replica);
    assertThat(client.arrivedWords()).containsExactly(STATE_CHANGED);
    assertThat(bucket.highSeqno(VBUCKET)).isEqualTo(11).isEqualTo(replica.highSeqno());
    assertThat(failoverLog()).isEqualTo(log(bucket.vbuuid(VBUCKET), 11, before, 0));
    assertThat(bucket.defaultCollection().get("k80").orElseThrow())
        .asString()
        .isEqualTo("{\"x\":1}");
    assertThat(bucket.defaultCollection().get("k98")).isPresent();
    Frame rollback = client.stream(VBUCKET, 0, 13, -1, before, 13, 13, "");
    assertThat(rollback.status()).isEqualTo(0x23);
    assertThat(ByteBuffer.wrap(rollback.value()).getLong()).isEqualTo(11);
    bucket.upsert("k356", "{\"kept\":1}");
    assertThat(client.stream(VBUCKET, 0, 11, 12, before, 11, 11, "").status()).isZero();
    assertThat(client.untilEnd())
        .satisfiesExactly(
            w -> assertThat(w).contains("SNAPSHOT_MARKER v1 11-12"),
            w -> assertThat(w).contains("MUTATION seq=12").contains("{\"kept\":1}"),
            w -> assertThat(w).contains("STREAM_END reason=0"));
  }

  @Test
  void aReplicaFromBeforeACollectionIsTooOld() {
    VBucketReplica replica = bucket.replica(VBUCKET);
    bucket.createCollection("inventory", "fresh");
    assertThatThrownBy(() -> bucket.failOver(replica))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("replica of vBucket 5");
  }
}
