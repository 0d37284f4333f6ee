// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.delivery.Phase;
import dev.caravan.offset.MemoryOffsetStore;
import dev.caravan.offset.Offset;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.VBucketReplica;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Streams that are open and send nothing. */
class StallTest extends OwnBucket {
  private final Received received = new Received();

  @BeforeAll
  static void startNode() throws Exception {
    node = CouchbaseNode.builder().vbuckets(1).start();
  }

  private void start(String options) throws Exception {
    routes.start(
        "couchbase-dcp:%s?connectionString=%s&retryBackoff=50ms&%s"
            .formatted(name, node.connectionString(), options),
        received);
  }

  @Test
  void aStreamThatStopsInSilenceIsOpenedAgain() throws Exception {
    start("stallTimeout=400ms");
    bucket.upsert("before", "1");
    received.awaitCount(1);
    routes.awaitPhase(Phase.STREAMING);

    bucket.mute(0, true);
    bucket.upsert("missed", "1");
    bucket.mute(0, false);

    received.awaitCount(2);
    assertThat(received.ids()).containsExactly("before", "missed");
    routes.awaitPhase(Phase.STREAMING);
  }

  @Test
  void aStreamThatSendsNothingEvenThenIsToldAndTriedOn() throws Exception {
    start("stallTimeout=200ms");
    bucket.upsert("before", "1");
    received.awaitCount(1);
    routes.awaitPhase(Phase.STREAMING);

    bucket.mute(0, true);
    bucket.upsert("missed", "1");
    routes.awaitTrouble(Phase.DEGRADED, "vBuckets [0] of bucket '" + name + "'", "send nothing");
    bucket.mute(0, false);

    received.awaitCount(2);
    routes.awaitPhase(Phase.STREAMING);
    assertThat(routes.status().error()).isNull();
  }

  @Test
  void aRouteThatTakesNothingIsNoStall() throws Exception {
    start("stallTimeout=200ms&flowControlBufferSize=1024");
    bucket.upsert("before", "1");
    received.awaitCount(1);
    routes.awaitPhase(Phase.STREAMING);

    routes.context().getRouteController().suspendRoute("route");
    bucket.load(100, 200);
    await()
        .during(Duration.ofSeconds(1))
        .atMost(Routes.SOON)
        .until(() -> routes.status().phase() == Phase.STREAMING);

    routes.context().getRouteController().resumeRoute("route");
    received.awaitCount(101);
    assertThat(received.ids()).doesNotHaveDuplicates();
  }

  @Test
  void theOffsetOfAFilteredBucketFollowsWhatHappensElsewhere() throws Exception {
    MemoryOffsetStore offsets = new MemoryOffsetStore();
    routes.bind("offsets", offsets);
    bucket.createScope("shop");
    bucket.createCollection("shop", "orders");
    start(
        "stallTimeout=100ms&collections=shop.orders&offsetStore=#offsets&offsetCommitInterval=50ms");
    bucket.collection("shop", "orders").upsert("order", "1");
    received.awaitCount(1);

    bucket.load(1_500, 100);

    await()
        .atMost(Routes.SOON)
        .untilAsserted(
            () ->
                assertThat(offsets.of("route").load(name, List.of(0)).values())
                    .extracting(Offset::bySeqno)
                    .containsExactly(bucket.highSeqno(0)));
    assertThat(received.ids()).containsExactly("order");
  }

  @Test
  void streamsOfCollectionsAreWatchedAcrossARollback() throws Exception {
    bucket.createScope("shop");
    bucket.createCollection("shop", "orders");
    start("collections=shop.orders&stallTimeout=100ms");
    bucket.collection("shop", "orders").upsert("kept", "1");
    VBucketReplica replica = bucket.replica(0);
    bucket.collection("shop", "orders").upsert("lost", "1");
    received.awaitCount(2);
    routes.awaitPhase(Phase.STREAMING);

    // Longer than the consumer's pause between two looks, before each answer of the node.
    node.delay(Duration.ofMillis(700));
    try {
      bucket.failOver(replica);
      bucket.collection("shop", "orders").upsert("instead", "1");
      received.awaitCount(3);
    } finally {
      node.delay(Duration.ZERO);
    }

    assertThat(received.ids()).containsExactly("kept", "lost", "instead");
    routes.awaitPhase(Phase.STREAMING);
  }
}
