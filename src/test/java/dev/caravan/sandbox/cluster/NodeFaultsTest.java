// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What one node of a cluster may do alone, while the others work. */
class NodeFaultsTest {
  private static final int OK = 0x00;
  private static final int NO_SUCH_BUCKET = 0x01;
  private static final int AUTH_ERROR = 0x20;
  private static final int NO_ACCESS = 0x24;

  private CouchbaseCluster cluster;
  private Bucket bucket;

  @BeforeEach
  void start() throws IOException {
    cluster = CouchbaseCluster.builder().nodes(3).replicas(1).vbuckets(8).bucket("default").start();
    bucket = cluster.bucket("default");
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  /** What a client is answered that logs in and selects the bucket: the first error, or success. */
  private int answer(int node) throws IOException {
    try (RawClient client = new RawClient(cluster.node(node))) {
      client.hello(0x07);
      int login = client.plain("Administrator", "password").status();
      return login == OK ? client.select("default").status() : login;
    }
  }

  @Test
  void aNodeComesBackWithoutItsBucket() throws IOException {
    try (RawClient client = RawClient.ready(cluster.node(1), "default")) {
      cluster.node(1).unloadBucket("default");
      assertThat(client.isClosedByNode()).isTrue();
    }
    cluster.node(1).stop();
    cluster.node(1).start();
    assertThat(answer(1)).isEqualTo(NO_SUCH_BUCKET);
    assertThat(answer(0)).isEqualTo(OK);
    try (RawClient client = RawClient.ready(cluster.node(0), "default")) {
      assertThat(client.call(0xb5, "", "").text())
          .as("the map names the node nevertheless")
          .contains("\"127.0.0.2:" + cluster.node(1).port() + "\"");
    }
    cluster.node(1).loadBucket("default");
    assertThat(answer(1)).isEqualTo(OK);
  }

  @Test
  void aNodeThatWasFailedOverAnswersThatItHasNoBucket() throws IOException {
    cluster.failOver(1);
    assertThat(answer(1)).isEqualTo(NO_SUCH_BUCKET);
    assertThat(answer(2)).isEqualTo(OK);
  }

  @Test
  void aNodeRefusesAlone() throws IOException {
    try (RawClient client = RawClient.ready(cluster.node(2), "default")) {
      cluster.node(2).refuse(CouchbaseNode.Refusal.LOGIN);
      assertThat(client.isClosedByNode()).isTrue();
    }
    assertThat(answer(2)).isEqualTo(AUTH_ERROR);
    assertThat(answer(0)).isEqualTo(OK);
    cluster.node(2).refuse(CouchbaseNode.Refusal.ACCESS);
    assertThat(answer(2)).isEqualTo(NO_ACCESS);
    cluster.node(2).refuse(CouchbaseNode.Refusal.NOTHING);
    assertThat(answer(2)).isEqualTo(OK);
  }

  @Test
  void aKilledNodeGoesOnWithWhatItHadPersisted() throws IOException {
    bucket.upsert("a", "1");
    int vbucket = bucket.vbucketOf("a");
    int node = bucket.nodeOf(vbucket);
    bucket.stopPersistence(node);
    bucket.upsert("a", "2");
    bucket.createScope("persisted");
    bucket.upsert("a", "3");
    long before = bucket.vbuuid(vbucket);
    cluster.crash(node);
    assertThat(answer(node)).isEqualTo(OK);
    assertThat(bucket.vbuuid(vbucket)).isNotEqualTo(before);
    assertThat(
            bucket
                .defaultCollection()
                .get("a")
                .map(value -> new String(value, StandardCharsets.UTF_8)))
        .as("a change of the collections is persisted, and what was before it")
        .isEqualTo(Optional.of("2"));
    bucket.upsert("a", "4");
    cluster.crash(node);
    assertThat(
            bucket
                .defaultCollection()
                .get("a")
                .map(value -> new String(value, StandardCharsets.UTF_8)))
        .as("persistence goes on after the restart")
        .isEqualTo(Optional.of("4"));
  }
}
