// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.StreamFrom;
import com.couchbase.client.dcp.StreamTo;
import dev.caravan.sandbox.Changes;
import dev.caravan.sandbox.DcpClients;
import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The official DCP client, unmodified, streams from a cluster whose nodes come and go. */
class CouchbaseClusterTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final int VBUCKETS = 16;
  private static final int DOCUMENTS = 200;

  private CouchbaseCluster cluster;
  private Bucket bucket;
  private Client client;
  private Changes changes;

  @BeforeEach
  void start() throws Exception {
    cluster =
        CouchbaseCluster.builder()
            .nodes(3)
            .replicas(1)
            .vbuckets(VBUCKETS)
            .bucket("default")
            .ephemeralBucket("brief")
            .start();
    bucket = cluster.bucket("default");
  }

  @AfterEach
  void stop() {
    if (client != null) {
      DcpClients.end(client);
    }
    cluster.close();
  }

  private void stream(UnaryOperator<Client.Builder> options) {
    client = options.apply(DcpClients.builder(cluster.connectionString())).build();
    changes = new Changes(client);
    client.connect().block(TIMEOUT);
    client.initializeState(StreamFrom.BEGINNING, StreamTo.INFINITY).block(TIMEOUT);
    client.startStreaming().block(TIMEOUT);
  }

  private static Client.Builder mitigated(Client.Builder options) {
    return options.mitigateRollbacks(50, TimeUnit.MILLISECONDS);
  }

  private void writeAll(String value) {
    for (int i = 0; i < DOCUMENTS; i++) {
      bucket.upsert("doc-" + i, value);
    }
  }

  private void awaitAll(String value) {
    await()
        .atMost(TIMEOUT)
        .untilAsserted(
            () -> {
              assertThat(changes.documents()).hasSize(DOCUMENTS);
              assertThat(changes.documents().values()).containsOnly(value);
            });
  }

  /** A document of a vBucket that is active on one node and has its replica on another. */
  private String documentOf(int active, int replica) {
    for (int i = 0; ; i++) {
      List<Integer> chain = bucket.map().chain(bucket.vbucketOf("key-" + i));
      if (chain.equals(List.of(active, replica))) {
        return "key-" + i;
      }
    }
  }

  @Test
  void everyNodeStreamsItsShare() {
    writeAll("1");
    stream(options -> options);
    awaitAll("1");
    assertThat(List.of(0, 1, 2))
        .allMatch(
            node ->
                IntStream.range(0, bucket.vbucketCount())
                    .anyMatch(vbucket -> bucket.nodeOf(vbucket) == node));
  }

  @Test
  void aRebalanceMovesTheStreamsAndLosesNothing() {
    writeAll("1");
    stream(options -> options);
    awaitAll("1");
    int before = bucket.nodeOf(0);
    cluster.rebalance();
    assertThat(bucket.nodeOf(0)).isNotEqualTo(before);
    writeAll("2");
    awaitAll("2");
    assertThat(changes.rollbacks()).isEmpty();
    assertThat(changes.disorders()).isEmpty();
  }

  @Test
  void aClientThatWaitsForReplicasFollowsARebalance() {
    writeAll("1");
    stream(CouchbaseClusterTest::mitigated);
    awaitAll("1");
    cluster.rebalance();
    writeAll("2");
    awaitAll("2");
    assertThat(changes.rollbacks()).isEmpty();
  }

  @Test
  void aNodeIsRebalancedOutAndInAgain() {
    writeAll("1");
    stream(options -> options);
    awaitAll("1");
    cluster.rebalance(List.of(1, 2));
    writeAll("2");
    awaitAll("2");
    cluster.rebalance();
    assertThat(cluster.members()).containsExactly(0, 1, 2);
    writeAll("3");
    awaitAll("3");
    assertThat(changes.disorders()).isEmpty();
  }

  @Test
  void aFailoverWithoutLossGoesOnWhereItWas() {
    writeAll("1");
    stream(options -> options);
    awaitAll("1");
    long before = bucket.vbuuid(bucket.vbucketOf(documentOf(1, 2)));
    cluster.failOver(1);
    assertThat(bucket.vbuuid(bucket.vbucketOf(documentOf(2, 0)))).isNotEqualTo(before);
    writeAll("2");
    awaitAll("2");
    assertThat(changes.rollbacks()).isEmpty();
    assertThat(changes.disorders()).isEmpty();
  }

  @Test
  void aFailoverToAReplicaThatWasBehindRollsTheClientBack() {
    String document = documentOf(1, 2);
    bucket.upsert(document, "kept");
    bucket.stopReplication(2);
    bucket.upsert(document, "lost");
    stream(options -> options);
    await().until(() -> "lost".equals(changes.documents().get("_default._default." + document)));
    cluster.failOver(1);
    await()
        .atMost(TIMEOUT)
        .untilAsserted(
            () ->
                // The client may have asked twice before it heard of the first rollback.
                assertThat(changes.rollbacks())
                    .isNotEmpty()
                    .containsOnly(bucket.vbucketOf(document) + " to 1"));
    assertThat(bucket.defaultCollection().get(document))
        .hasValue("kept".getBytes(StandardCharsets.UTF_8));
    bucket.upsert(document, "after");
    await()
        .atMost(TIMEOUT)
        .until(() -> "after".equals(changes.documents().get("_default._default." + document)));
  }

  /** Rollback mitigation: what a replica lacks is not shown, so losing it changes nothing. */
  @Test
  void aClientThatWaitsForReplicasNeverSeesWhatAFailoverLoses() {
    String document = documentOf(1, 2);
    bucket.upsert(document, "kept");
    stream(CouchbaseClusterTest::mitigated);
    await()
        .atMost(TIMEOUT)
        .until(() -> "kept".equals(changes.documents().get("_default._default." + document)));
    bucket.stopReplication(2);
    bucket.upsert(document, "lost");
    String other = documentOf(0, 1);
    bucket.upsert(other, "seen");
    await()
        .atMost(TIMEOUT)
        .until(() -> "seen".equals(changes.documents().get("_default._default." + other)));
    assertThat(changes.documents()).containsEntry("_default._default." + document, "kept");
    cluster.failOver(1);
    bucket.upsert(document, "after");
    await()
        .atMost(TIMEOUT)
        .until(() -> "after".equals(changes.documents().get("_default._default." + document)));
  }

  @Test
  void aClientThatWaitsForPersistenceWaitsForTheReplicasDisk() {
    String document = documentOf(0, 1);
    bucket.stopPersistence(1);
    bucket.upsert(document, "1");
    String other = documentOf(2, 0);
    bucket.upsert(other, "1");
    stream(CouchbaseClusterTest::mitigated);
    await()
        .atMost(TIMEOUT)
        .until(() -> changes.documents().containsKey("_default._default." + other));
    assertThat(changes.documents()).doesNotContainKey("_default._default." + document);
    bucket.resumePersistence(1);
    await()
        .atMost(TIMEOUT)
        .until(() -> changes.documents().containsKey("_default._default." + document));
  }

  @Test
  void aNodeThatStopsAndStartsAgainIsReadOn() throws IOException {
    writeAll("1");
    stream(options -> options);
    awaitAll("1");
    cluster.node(0).stop();
    writeAll("2");
    await()
        .atMost(TIMEOUT)
        .until(
            () -> changes.documents().containsValue("1") && changes.documents().containsValue("2"));
    cluster.node(0).start();
    awaitAll("2");
    assertThat(changes.rollbacks()).isEmpty();
  }

  @Test
  void aNodeThatDiedIsFailedOver() {
    writeAll("1");
    stream(options -> options);
    awaitAll("1");
    cluster.node(2).stop();
    cluster.failOver(2);
    writeAll("2");
    awaitAll("2");
  }

  @Test
  void theLastRunningCopyIsNotFailedOver() {
    cluster.node(2).stop();
    assertThatThrownBy(() -> cluster.failOver(1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("no replica on a running node");
    assertThat(cluster.members()).containsExactly(0, 1, 2);
  }

  @Test
  void brokenConnectionsAreMadeAgain() {
    writeAll("1");
    stream(options -> options);
    awaitAll("1");
    cluster.disconnectAll();
    writeAll("2");
    awaitAll("2");
  }

  @Test
  void aFlushedBucketStartsOver() {
    writeAll("1");
    stream(options -> options);
    awaitAll("1");
    bucket.flush();
    assertThat(bucket.documentCount()).isZero();
    await().atMost(TIMEOUT).until(() -> changes.rollbacks().size() == VBUCKETS);
    assertThat(changes.rollbacks()).allMatch(rollback -> rollback.endsWith(" to 0"));
    bucket.upsert("new", "2");
    await().atMost(TIMEOUT).until(() -> changes.documents().containsKey("_default._default.new"));
  }

  @Test
  void aNodeAnswersOnlyForItsOwnVBuckets() throws IOException {
    int mine = 0;
    try (RawClient raw = RawClient.ready(cluster.node(bucket.nodeOf(mine)), "default")) {
      int active = raw.call(0x48, 0, 0, "00000001", "", new byte[0]).value().length / 10;
      int replicas = raw.call(0x48, 0, 0, "00000002", "", new byte[0]).value().length / 10;
      assertThat(active).isBetween(5, 6);
      assertThat(replicas).isBetween(5, 6);
      assertThat(raw.set(mine, "\0k".getBytes(StandardCharsets.UTF_8), "1").status()).isZero();
      RawClient.Frame refused = raw.set(mine + 1, "\0k".getBytes(StandardCharsets.UTF_8), "1");
      assertThat(refused.status()).isEqualTo(0x07);
      assertThat(refused.text()).contains("\"vBucketMap\":[[0,1],[1,2],[2,0],");
    }
  }

  @Test
  void aDelayedNodeAnswersLate() throws IOException {
    try (RawClient raw = RawClient.ready(cluster.node(0), "default")) {
      cluster.node(0).delay(Duration.ofMillis(300));
      long start = System.nanoTime();
      raw.call(0xb5, "", "");
      raw.call(0xb5, "", "");
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(600));
      cluster.node(0).delay(Duration.ZERO);
      start = System.nanoTime();
      raw.call(0xb5, "", "");
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofMillis(300));
    }
  }

  @Test
  void aHalfOpenConnectionIsSilentUntilTheClientMakesAnotherOne() {
    writeAll("1");
    stream(options -> options);
    awaitAll("1");
    cluster.nodes().forEach(CouchbaseNode::halfOpen);
    bucket.upsert("doc-0", "2");
    await()
        .during(Duration.ofMillis(300))
        .until(() -> "1".equals(changes.documents().get("_default._default.doc-0")));
    cluster.disconnectAll();
    writeAll("3");
    awaitAll("3");
  }

  @Test
  void anEphemeralBucketSaysSo() throws IOException {
    try (RawClient raw = RawClient.ready(cluster.node(0), "brief")) {
      assertThat(raw.call(0xb5, "", "").text())
          .contains("\"bucketType\":\"ephemeral\"")
          .doesNotContain("storageBackend");
    }
  }

  @Test
  void aBucketThatIsMadeAnewIsReadFromItsBeginning() {
    writeAll("1");
    stream(options -> options);
    awaitAll("1");
    Bucket fresh = cluster.recreateBucket("default");
    fresh.upsert("new", "2");
    await().atMost(TIMEOUT).until(() -> changes.documents().containsKey("_default._default.new"));
    assertThat(fresh.documentCount()).isEqualTo(1);
  }
}
