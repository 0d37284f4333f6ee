// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.store.VBucketState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Section 04 of answers-protocol.txt: maps that change, and the clients that get them. */
class ClusterMapPushTest {
  private static final int[] PUSHED = {0x07, 0x0b, 0x0c, 0x0d};
  private CouchbaseNode node;
  private Bucket bucket;

  @BeforeEach
  void start() throws Exception {
    node =
        CouchbaseNode.builder()
            .vbuckets(64)
            .bucket("probe")
            .bucket("other")
            .user("dcpuser", "secret")
            .grant("dcpuser", "probe", EnumSet.of(Privilege.DCP_PRODUCER, Privilege.DCP_STREAM))
            .start();
    bucket = node.bucket("probe");
  }

  @AfterEach
  void stop() {
    node.close();
  }

  private static Frame setConfig(RawClient client, String bucketName, long revision)
      throws IOException {
    byte[] extras = ByteBuffer.allocate(16).putLong(1).putLong(revision).array();
    String map = "{\"rev\":" + revision + ",\"revEpoch\":1,\"name\":\"" + bucketName + "\"}";
    return client.call(
        0xb4,
        0,
        0,
        extras,
        bucketName.getBytes(StandardCharsets.UTF_8),
        map.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * "push to an idle Duplex+ClustermapChangeNotification connection"; couchbase-kv/README.md: on
   * DCP ones too.
   */
  @Test
  void aNewMapIsPushedToThoseWhoAskedForIt() throws IOException {
    try (RawClient idle = RawClient.ready(node, "probe", PUSHED);
        RawClient dcp = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures());
        RawClient elsewhere = RawClient.ready(node, "other", PUSHED);
        RawClient silent = RawClient.ready(node, "probe", 0x07, 0x0b, 0x0c)) {
      dcp.stream(5, 0, -1);
      bucket.setState(5, VBucketState.DEAD);
      node.publishClusterMap("probe");
      Frame push = idle.message();
      assertThat(push.words()).endsWith("SERVER-PUSH magic=82 dt=1");
      assertThat(push.opcode()).isEqualTo(0x01);
      assertThat(new String(push.key(), StandardCharsets.UTF_8)).isEqualTo("probe");
      assertThat(HexFormat.of().formatHex(push.extras()))
          .isEqualTo("00000000000000010000000000000002");
      assertThat(push.text())
          .contains("\"rev\":2,\"revEpoch\":1", "\"vBucketMap\":[[0],[0],[0],[0],[0],[-1],[0]");
      assertThat(dcp.arrivedWords())
          .containsExactlyInAnyOrder(
              "[28 bytes] STREAM_END reason=2",
              "[%d bytes] SERVER-PUSH magic=82 dt=1".formatted(push.length()));
      assertThat(elsewhere.arrived()).isEmpty();
      assertThat(silent.arrived()).isEmpty();
      idle.send(0x83, 0x01, 0, 0, 0, 0, new byte[0], new byte[0], new byte[0]);
      assertThat(idle.call(0xb5, "", "").value())
          .as("an answer is ignored")
          .isEqualTo(push.value());
    }
  }

  /** "SET_CLUSTER_CONFIG older rev", "SET_CLUSTER_CONFIG as dcpuser". */
  @Test
  void onlyTheClusterManagerMayPublishAMapAndOnlyANewerOne() throws IOException {
    try (RawClient admin = RawClient.ready(node, "probe", PUSHED)) {
      Frame refused = setConfig(admin, "probe", 0);
      assertThat(refused.status()).isEqualTo(0x04);
      assertThat(refused.text())
          .isEqualTo("{\"error\":{\"context\":\"Revision number must not be less than 1\"}}");
      assertThat(setConfig(admin, "probe", 7).status()).isZero();
      assertThat(admin.call(0xb5, "", "").text()).startsWith("{\"rev\":7,");
      assertThat(setConfig(admin, "probe", 6).status()).as("not recorded").isEqualTo(0x02);
      assertThat(setConfig(admin, "missing", 1).status()).isEqualTo(0x01);
      admin.plain("dcpuser", "secret");
      Frame denied = setConfig(admin, "probe", 8);
      assertThat(denied.status()).isEqualTo(0x24);
      assertThat(denied.datatype()).isEqualTo(1);
      assertThat(denied.text())
          .startsWith(
              "{\"error\":{\"context\":\"Authorization failure: can't execute SET_CLUSTER_CONFIG"
                  + " operation without the SecurityManagement privilege\",\"ref\":\"");
    }
  }
}
