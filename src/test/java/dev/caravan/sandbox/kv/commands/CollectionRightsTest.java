// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.Recorded;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.auth.Privilege;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Section 13 of answers-protocol.txt: a user with rights in one collection only. */
class CollectionRightsTest {
  private static final int VBUCKET = 5;
  private CouchbaseNode node;
  private RawClient client;

  @BeforeEach
  void start() throws Exception {
    node =
        CouchbaseNode.builder()
            .vbuckets(64)
            .bucket("probe")
            .user("airlineonly", "secret")
            .grant("airlineonly", "probe", EnumSet.of(Privilege.DCP_PRODUCER))
            .grant(
                "airlineonly",
                "probe",
                "inventory",
                "airline",
                EnumSet.of(Privilege.DCP_STREAM, Privilege.READ))
            .grant("airlineonly", "probe", "tenant", null, EnumSet.of(Privilege.META_READ))
            .user("dcpuser", "secret")
            .grant("dcpuser", "probe", EnumSet.of(Privilege.DCP_PRODUCER, Privilege.DCP_STREAM))
            .start();
    Recorded.fill(node.bucket("probe"));
    client = new RawClient(node);
    client.hello(RawClient.dcpFeatures());
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    node.close();
  }

  private void open(String user) throws IOException {
    client.plain(user, "secret");
    client.select("probe");
    assertThat(client.open(user, 1).status()).isZero();
    client.control("enable_noop", "true");
  }

  private Frame stream(String filter) throws IOException {
    return client.stream(VBUCKET, 0, 0, 11, 0, 0, 0, filter);
  }

  /** "stream all", "stream default collection", "stream without value". */
  @Test
  void onlyTheGrantedCollectionIsStreamed() throws IOException {
    open("airlineonly");
    assertThat(stream("{\"uid\":\"0\"}").status()).isEqualTo(0x24);
    assertThat(stream("").status()).isEqualTo(0x24);
    assertThat(stream("").value()).isEmpty();
    Frame unknown = stream("{\"collections\":[\"0\"]}");
    assertThat(unknown.status()).isEqualTo(0x88);
    assertThat(unknown.text())
        .isEqualTo(
            "{\"error\":{\"context\":\"Unknown scope or collection in operation\"},"
                + "\"manifest_uid\":\"6\"}");
    assertThat(stream("{\"scope\":\"8\"}").status()).isEqualTo(0x8c);
    assertThat(stream("{\"scope\":\"9\"}").status()).as("another right there").isEqualTo(0x24);
    assertThat(stream("{\"collections\":[\"8\"]}").status()).isZero();
  }

  /** "dcp open as dcpuser", "stream all as dcpuser". */
  @Test
  void aRightInTheBucketIsOneInAllCollections() throws IOException {
    open("dcpuser");
    assertThat(stream("").status()).isZero();
    assertThat(client.untilEnd()).hasSize(13);
  }

  @Test
  void documentsOfOtherCollectionsAreNotRead() throws IOException {
    open("airlineonly");
    assertThat(get("\010k80")).as("there is none").isEqualTo(0x01);
    assertThat(get("\011k80")).isEqualTo(0x88);
    assertThat(get("\012k80")).as("another right in its scope").isEqualTo(0x24);
    assertThat(client.set(VBUCKET, "\010k80".getBytes(StandardCharsets.UTF_8), "1").status())
        .isEqualTo(0x24);
  }

  private int get(String key) throws IOException {
    return client.call(0x00, VBUCKET, 0, "", key, new byte[0]).status();
  }
}
