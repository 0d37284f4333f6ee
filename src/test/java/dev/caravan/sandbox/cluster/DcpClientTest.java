// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.StreamFrom;
import com.couchbase.client.dcp.StreamTo;
import com.couchbase.client.dcp.config.CompressionMode;
import com.couchbase.client.dcp.highlevel.SnapshotMarker;
import com.couchbase.client.dcp.highlevel.StreamOffset;
import dev.caravan.sandbox.Changes;
import dev.caravan.sandbox.DcpClients;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.VBucketReplica;
import dev.caravan.sandbox.kv.store.VBucketState;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The official DCP client, unmodified, streams from the node. */
class DcpClientTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);
  private static final int VBUCKETS = 64;

  private CouchbaseNode node;
  private Bucket bucket;
  private Client client;
  private Changes changes;

  @BeforeEach
  void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(VBUCKETS).bucket("default").start();
    bucket = node.bucket("default");
  }

  @AfterEach
  void stop() {
    DcpClients.end(client);
    node.close();
  }

  private void connect(UnaryOperator<Client.Builder> options) {
    client = options.apply(DcpClients.builder(node.connectionString())).build();
    changes = new Changes(client);
    client.connect().block(TIMEOUT);
  }

  private void stream(UnaryOperator<Client.Builder> options) {
    connect(options);
    client.initializeState(StreamFrom.BEGINNING, StreamTo.INFINITY).block(TIMEOUT);
    client.startStreaming().block(TIMEOUT);
  }

  @ParameterizedTest
  @EnumSource(CompressionMode.class)
  void aBacklogAndWhatComesAfterItArrive(CompressionMode compression) {
    bucket.load(1000, 300);
    stream(options -> options.compression(compression));
    await().until(() -> changes.documents().size() == 1000);
    assertThat(changes.documents().get("_default._default.doc-999")).hasSize(300);
    bucket.upsert("live", "{\"x\":1}");
    await().until(() -> "{\"x\":1}".equals(changes.documents().get("_default._default.live")));
    bucket.delete("live");
    await().until(() -> changes.deleted().contains("_default._default.live"));
  }

  @Test
  void theBucketsOwnUserNeedsNoPassword() {
    bucket.upsert("a", "1");
    stream(options -> options.credentials("default", ""));
    await().until(() -> changes.documents().containsKey("_default._default.a"));
  }

  @Test
  void aCollectionIsStreamedByItsName() {
    bucket.createScope("inventory");
    bucket.createCollection("inventory", "airline").upsert("in", "1");
    bucket.upsert("out", "1");
    stream(options -> options.collectionNames("inventory.airline"));
    await().until(() -> changes.documents().containsKey("inventory.airline.in"));
    bucket.collection("inventory", "airline").upsert("later", "1");
    await().until(() -> changes.documents().containsKey("inventory.airline.later"));
    assertThat(changes.documents()).hasSize(2);
  }

  /**
   * Live writes to other collections send nothing; a stream that is opened again and reads from
   * disk gets the seqno up to which it has read.
   */
  @Test
  void aFilteredStreamThatIsOpenedAgainIsAdvancedOverWhatIsNotForIt() {
    bucket.createScope("inventory");
    bucket.createCollection("inventory", "airline").upsert("in", "1");
    int vbucket = bucket.vbucketOf("in");
    stream(options -> options.collectionNames("inventory.airline"));
    await().until(() -> changes.documents().containsKey("inventory.airline.in"));
    bucket.upsert("in", "out of the collection");
    bucket.delete("in");
    client.stopStreaming(List.of(vbucket)).block(TIMEOUT);
    assertThat(changes.seqno(vbucket)).isLessThan(bucket.highSeqno(vbucket));
    bucket.openCheckpoints();
    client.startStreaming(List.of(vbucket)).block(TIMEOUT);
    await().until(() -> changes.seqno(vbucket) == bucket.highSeqno(vbucket));
    assertThat(changes.documents()).containsOnlyKeys("inventory.airline.in");
    assertThat(changes.deleted()).isEmpty();
  }

  @Test
  void aCollectionMadeWhileStreamingIsKnownByName() {
    stream(options -> options);
    bucket.createScope("inventory");
    bucket.createCollection("inventory", "airline").upsert("in", "1");
    await().until(() -> changes.documents().containsKey("inventory.airline.in"));
  }

  /** As the client never opens with DELETE_TIMES, a real node sends it expirations as deletions. */
  @Test
  void deletionsAndExpirationsArrive() {
    bucket.upsert("deleted", "1");
    bucket.upsert("expired", "1");
    stream(options -> options.controlParam("enable_expiry_opcode", true));
    await().until(() -> changes.documents().size() == 2);
    bucket.delete("deleted");
    bucket.defaultCollection().expire("expired");
    await().until(() -> changes.deleted().size() == 2);
  }

  @Test
  void valuesMayStayAtHome() {
    bucket.upsert("a", "{\"x\":1}");
    stream(options -> options.noValue(true));
    await().until(() -> "".equals(changes.documents().get("_default._default.a")));
  }

  @Test
  void extendedAttributesAreTakenOffTheContent() {
    bucket.defaultCollection().upsertWithXattrs("a", "{\"x\":1}", "_sync", "{\"rev\":1}");
    stream(options -> options.xattrs(true));
    await().until(() -> "{\"x\":1}".equals(changes.documents().get("_default._default.a")));
  }

  @Test
  void rollbackMitigationIsSatisfiedAtOnce() {
    bucket.upsert("a", "1");
    stream(options -> options.mitigateRollbacks(100, TimeUnit.MILLISECONDS));
    await().until(() -> changes.documents().containsKey("_default._default.a"));
    bucket.upsert("b", "1");
    await().until(() -> changes.documents().containsKey("_default._default.b"));
  }

  @Test
  void aPositionThatTheNodeNeverHadRollsBackToTheBeginning() {
    bucket.upsert("a", "1");
    int vbucket = bucket.vbucketOf("a");
    connect(options -> options);
    client
        .resumeStreaming(Map.of(vbucket, new StreamOffset(4711, 9, new SnapshotMarker(9, 9), 0)))
        .block(TIMEOUT);
    await().until(() -> changes.documents().containsKey("_default._default.a"));
    assertThat(changes.rollbacks()).containsExactly(vbucket + " to 0");
  }

  @Test
  void aFailoverThatLostChangesRollsTheClientBackToWhatIsLeft() {
    bucket.upsert("a", "1");
    int vbucket = bucket.vbucketOf("a");
    VBucketReplica replica = bucket.replica(vbucket);
    bucket.upsert("a", "2");
    stream(options -> options);
    await().until(() -> "2".equals(changes.documents().get("_default._default.a")));
    bucket.failOver(replica);
    await()
        .atMost(TIMEOUT)
        .untilAsserted(() -> assertThat(changes.rollbacks()).containsExactly(vbucket + " to 1"));
    bucket.upsert("a", "3");
    await().atMost(TIMEOUT).until(() -> "3".equals(changes.documents().get("_default._default.a")));
  }

  @Test
  void theClientAsksForAVBucketUntilItIsActiveAgain() {
    bucket.upsert("a", "1");
    int vbucket = bucket.vbucketOf("a");
    stream(options -> options);
    await().until(() -> changes.documents().containsKey("_default._default.a"));
    bucket.setState(vbucket, VBucketState.DEAD);
    bucket.upsert("elsewhere", "1");
    await().until(() -> changes.documents().containsKey("_default._default.elsewhere"));
    bucket.setState(vbucket, VBucketState.ACTIVE);
    bucket.upsert("a", "2");
    await().atMost(TIMEOUT).until(() -> "2".equals(changes.documents().get("_default._default.a")));
    assertThat(changes.disorders()).isEmpty();
  }

  /** Its own fault: it doesn't look at the next map, so its user must reopen the stream. */
  @Test
  void theClientGivesAVBucketUpWhenTheMapSaysThatNobodyHasIt() {
    bucket.upsert("a", "1");
    stream(options -> options);
    await().until(() -> changes.documents().containsKey("_default._default.a"));
    bucket.setState(bucket.vbucketOf("a"), VBucketState.DEAD);
    node.publishClusterMap("default");
    await()
        .atMost(TIMEOUT)
        .until(() -> changes.disorders().toString().contains("No active node for partition"));
  }

  @Test
  void theClientGoesOnAfterItsConnectionBroke() {
    bucket.load(100, 100);
    stream(options -> options);
    await().until(() -> changes.documents().size() == 100);
    node.disconnectAll();
    bucket.upsert("after", "1");
    await().atMost(TIMEOUT).until(() -> changes.documents().containsKey("_default._default.after"));
  }

  @Test
  void theClientGoesOnAfterTheHistoryBranched() {
    bucket.upsert("before", "1");
    stream(options -> options);
    await().until(() -> changes.documents().containsKey("_default._default.before"));
    bucket.branch(bucket.vbucketOf("before"));
    bucket.upsert("before", "2");
    await()
        .atMost(TIMEOUT)
        .until(() -> "2".equals(changes.documents().get("_default._default.before")));
  }

  /** Writers on all sides while the stream runs: nothing is lost, and seqnos only grow. */
  @Test
  void whatIsStreamedWhileItIsWrittenEndsAsTheBucketEnds() throws Exception {
    bucket.load(500, 1000);
    stream(options -> options);
    ExecutorService writers = Executors.newFixedThreadPool(3);
    try {
      List<Future<?>> running =
          List.of(
              writers.submit(() -> write(new Random(1))),
              writers.submit(() -> write(new Random(2))),
              writers.submit(() -> write(new Random(3))));
      for (Future<?> writer : running) {
        writer.get(20, TimeUnit.SECONDS);
      }
    } finally {
      writers.shutdownNow();
    }
    await().atMost(TIMEOUT).until(() -> reachedTheEnd());
    for (int i = 0; i < 500; i++) {
      String streamed = changes.documents().get("_default._default.doc-" + i);
      String stored =
          bucket
              .defaultCollection()
              .get("doc-" + i)
              .map(value -> new String(value, StandardCharsets.UTF_8))
              .orElse(null);
      assertThat(streamed).as("doc-" + i).isEqualTo(stored);
    }
    assertThat(changes.disorders()).isEmpty();
  }

  private void write(Random random) {
    for (int i = 0; i < 5000; i++) {
      String id = "doc-" + random.nextInt(500);
      switch (random.nextInt(4)) {
        case 0 -> bucket.delete(id);
        case 1 -> bucket.defaultCollection().expire(id);
        default -> bucket.upsert(id, "{\"write\":" + i + "}");
      }
    }
  }

  private boolean reachedTheEnd() {
    for (int vbucket = 0; vbucket < VBUCKETS; vbucket++) {
      if (changes.seqno(vbucket) != bucket.highSeqno(vbucket)) {
        return false;
      }
    }
    return true;
  }
}
