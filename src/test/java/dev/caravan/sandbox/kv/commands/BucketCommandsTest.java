// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.RecordedNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sections 10 and 11 of answers-protocol.txt: seqnos, failover logs, scopes and collections. */
class BucketCommandsTest extends RecordedNode {
  private static final int VBUCKET = 5;

  @BeforeEach
  void connect() throws Exception {
    client = RawClient.ready(node, "probe", RawClient.dcpFeatures());
  }

  private long seqno(RawClient asking, String extras) throws IOException {
    byte[] all = asking.call(0x48, 0, 0, extras, "", new byte[0]).value();
    assertThat(all).hasSize(640);
    ByteBuffer entry = ByteBuffer.wrap(all, VBUCKET * 10, 10);
    assertThat(entry.getShort()).isEqualTo((short) VBUCKET);
    return entry.getLong();
  }

  /** 10: "GET_ALL_VB_SEQNOS", "state=active", "state=replica", "collection 8". */
  @Test
  void theSeqnosOfAllVBucketsAreTold() throws IOException {
    assertThat(seqno(client, "")).isEqualTo(11);
    assertThat(seqno(client, "00000001")).isEqualTo(11);
    assertThat(client.call(0x48, 0, 0, "00000002", "", new byte[0]).value()).isEmpty();
    assertThat(seqno(client, "0000000100000009")).as("created at 4").isEqualTo(4);
    bucket.collection("inventory", "hotel").upsert("k80", "1");
    assertThat(seqno(client, "0000000100000009")).isEqualTo(12);
    try (RawClient plain = RawClient.ready(node, "probe")) {
      assertThat(seqno(plain, "")).as("the default collection's").isEqualTo(11);
    }
  }

  /** 10: "GET_ALL_VB_SEQNOS unknown collection". */
  @Test
  void seqnosOfAnUnknownCollectionAreRefused() throws IOException {
    Frame refused = client.call(0x48, 0, 0, "00000001000000ff", "", new byte[0]);
    assertThat(refused.status()).isEqualTo(0x88);
    assertThat(refused.text())
        .isEqualTo(
            "{\"error\":{\"context\":\"Unknown scope or collection in operation\"},"
                + "\"manifest_uid\":\"6\"}");
  }

  /** 10: "OBSERVE_SEQNO", "OBSERVE_SEQNO wrong uuid". */
  @Test
  void everythingCountsAsPersisted() throws IOException {
    long uuid = bucket.vbuuid(VBUCKET);
    assertThat(observe(uuid).value())
        .isEqualTo(
            ByteBuffer.allocate(27)
                .put((byte) 0)
                .putShort((short) VBUCKET)
                .putLong(uuid)
                .putLong(11)
                .putLong(11)
                .array());
    assertThat(observe(uuid + 1).status()).isEqualTo(0x01);
    bucket.branch(VBUCKET);
    bucket.upsert("k80", "1");
    assertThat(observe(uuid).value())
        .isEqualTo(
            ByteBuffer.allocate(43)
                .put((byte) 1)
                .putShort((short) VBUCKET)
                .putLong(bucket.vbuuid(VBUCKET))
                .putLong(12)
                .putLong(12)
                .putLong(uuid)
                .putLong(11)
                .array());
  }

  private Frame observe(long uuid) throws IOException {
    byte[] value = ByteBuffer.allocate(8).putLong(uuid).array();
    return client.call(0x91, VBUCKET, 0, "", "", value);
  }

  /** 10: "failover log vb 5", "vb 100", "GET_FAILOVER_LOG (0x96) on non-DCP connection". */
  @Test
  void theFailoverLogIsTold() throws IOException {
    byte[] log = ByteBuffer.allocate(16).putLong(bucket.vbuuid(VBUCKET)).putLong(0).array();
    assertThat(client.call(0x96, VBUCKET, 0, "", "", new byte[0]).value()).isEqualTo(log);
    client.open("log", 1);
    assertThat(client.call(0x54, VBUCKET, 0, "", "", new byte[0]).value()).isEqualTo(log);
    assertThat(client.call(0x54, 100, 0, "", "", new byte[0]).status()).isEqualTo(0x07);
  }

  /** 11: "GET_COLLECTIONS_MANIFEST"; 00: "GET_COLLECTIONS_MANIFEST before any set". */
  @Test
  void theManifestListsScopesAndCollections() throws IOException {
    Frame manifest = client.call(0xba, "", "");
    assertThat(manifest.datatype()).isEqualTo(1);
    assertThat(manifest.text())
        .contains(
            "{\"collections\":[{\"name\":\"users\",\"uid\":\"a\"},"
                + "{\"maxTTL\":86400,\"name\":\"bookings\",\"uid\":\"b\"}],"
                + "\"name\":\"tenant\",\"uid\":\"9\"}")
        .endsWith("],\"uid\":\"6\"}");
    node.createBucket("new");
    client.select("new");
    assertThat(client.call(0xba, "", "").text())
        .isEqualTo(
            "{\"scopes\":[{\"collections\":[{\"name\":\"_default\",\"uid\":\"0\"}],"
                + "\"name\":\"_default\",\"uid\":\"0\"}],\"uid\":\"0\"}");
  }

  /** 11: the GET_COLLECTION_ID and GET_SCOPE_ID cases. */
  @ParameterizedTest
  @CsvSource({
    "0xbb, inventory.airline, 0x00, 000000000000000600000008",
    "0xbb, inventory.nothing, 0x88, ''",
    "0xbb, nowhere.airline, 0x8c, ''",
    "0xbb, malformed, 0x04, ''",
    "0xbb, ., 0x00, 000000000000000600000000",
    "0xbc, inventory, 0x00, 000000000000000600000008",
    "0xbc, nowhere, 0x8c, ''",
  })
  void idsAreFoundByName(String opcode, String path, String status, String extras)
      throws IOException {
    for (boolean inKey : new boolean[] {true, false}) {
      Frame answer = client.call(Integer.decode(opcode), inKey ? path : "", inKey ? "" : path);
      assertThat(answer.status()).isEqualTo(Integer.decode(status));
      assertThat(HexFormat.of().formatHex(answer.extras())).isEqualTo(extras);
    }
  }

  /**
   * 10: "OBSERVE_SEQNO on a DCP connection", "GET_ALL_VB_SEQNOS on a DCP connection"; 11:
   * "GET_COLLECTIONS_MANIFEST on DCP connection".
   */
  @Test
  void questionsAreAnsweredOnADcpConnectionToo() throws IOException {
    byte[] manifest = client.call(0xba, "", "").value();
    byte[] observed = observe(bucket.vbuuid(VBUCKET)).value();
    client.open("questions", 1);
    assertThat(client.call(0xba, "", "").value()).isEqualTo(manifest);
    assertThat(observe(bucket.vbuuid(VBUCKET)).value()).isEqualTo(observed);
    assertThat(seqno(client, "")).isEqualTo(11);
  }

  /** 11: "GET_COLLECTION_ID on connection without collections HELLO". */
  @Test
  void idsAreToldToThoseWhoCannotUseThem() throws IOException {
    try (RawClient plain = RawClient.ready(node, "probe", 0x07)) {
      assertThat(HexFormat.of().formatHex(plain.call(0xbb, "", "inventory.airline").extras()))
          .isEqualTo("000000000000000600000008");
    }
  }

  /** 11: "SET in unknown collection 0xff". */
  @Test
  void anUnknownCollectionIsNotWrittenTo() throws IOException {
    byte[] key = {(byte) 0xff, 0x01, 'k'};
    assertThat(client.set(VBUCKET, key, "1").status()).isEqualTo(0x88);
    assertThat(client.call(0x00, VBUCKET, 0, new byte[0], key, new byte[0]).status())
        .isEqualTo(0x88);
  }
}
