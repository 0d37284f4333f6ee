// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.delivery.Phase;
import dev.caravan.offset.MemoryOffsetStore;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.VBucketReplica;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Changes that were read and that Couchbase lost afterwards, in a failover. */
class RollbackTest extends OwnBucket {
  private final List<String> received = new CopyOnWriteArrayList<>();
  private final List<Map<?, ?>> rollbacks = new CopyOnWriteArrayList<>();

  @BeforeAll
  static void startNode() throws Exception {
    node = CouchbaseNode.builder().vbuckets(1).start();
  }

  private void start(String options) throws Exception {
    routes.start(
        "couchbase-dcp:%s?connectionString=%s&retryBackoff=50ms&%s"
            .formatted(name, node.connectionString(), options),
        this::receive);
  }

  private void receive(Exchange exchange) {
    if (exchange.getIn().getBody() instanceof List<?> batch) {
      batch.forEach(this::receive);
    } else {
      receive(exchange.getIn());
    }
  }

  private void receive(Object message) {
    if (message instanceof CouchbaseDcpRollbackMessage rollback) {
      received.add("rollback");
      rollbacks.add(rollback.getBody(Map.class));
      assertThat(rollback.getHeaders())
          .containsEntry(CouchbaseDcpConstants.EVENT_TYPE, EventType.ROLLBACK)
          .containsEntry(CouchbaseDcpConstants.FROM_SEQNO, rollback.getFromSeqno())
          .containsEntry(CouchbaseDcpConstants.TO_SEQNO, rollback.getToSeqno());
    } else {
      received.add(((CouchbaseDcpMessage) message).getDocumentId());
    }
  }

  private void awaitReceived(String... expected) {
    await().atMost(Routes.SOON).untilAsserted(() -> assertThat(received).containsExactly(expected));
  }

  @ParameterizedTest(name = "in exchanges of up to {0}")
  @ValueSource(ints = {1, 100})
  void theRouteIsToldBetweenWhatWasLostAndWhatComesInItsPlace(int batchSize) throws Exception {
    start("rollbackEvents=true&batchSize=" + batchSize);
    bucket.upsert("kept", "1");
    VBucketReplica replica = bucket.replica(0);
    bucket.upsert("lost", "1");
    bucket.upsert("lost, too", "1");
    awaitReceived("kept", "lost", "lost, too");
    long oldVbuuid = bucket.vbuuid(0);

    bucket.failOver(replica);
    bucket.upsert("instead", "1");

    awaitReceived("kept", "lost", "lost, too", "rollback", "instead");
    assertThat(rollbacks).singleElement().isEqualTo(rollback(3, 1, oldVbuuid, 2));
    assertThat(routes.status().rollbacks()).isEqualTo(1);
  }

  @Test
  void aBucketThatCameBackWithMoreVBucketsIsReadFromItsBeginning() throws Exception {
    MemoryOffsetStore offsets = new MemoryOffsetStore();
    routes.bind("offsets", offsets);
    bucket.upsert("before", "1");
    start("offsetStore=#bean:offsets");
    awaitReceived("before");
    routes.close();
    assertThat(offsets.of("route").load(name, List.of(0))).containsOnlyKeys(0);

    List<String> expected = new ArrayList<>(List.of("before", "rollback"));
    try (CouchbaseNode larger = CouchbaseNode.builder().vbuckets(16).start();
        Routes later = new Routes()) {
      Bucket recreated = larger.createBucket(name);
      for (int i = 0; i < 50; i++) {
        recreated.upsert("after-" + i, "1");
        expected.add("after-" + i);
      }
      later
          .bind("offsets", offsets)
          .start(
              "couchbase-dcp:%s?connectionString=%s&rollbackEvents=true&offsetStore=#bean:offsets"
                  .formatted(name, larger.connectionString()),
              this::receive);
      await()
          .atMost(Routes.SOON)
          .untilAsserted(() -> assertThat(received).containsExactlyInAnyOrderElementsOf(expected));
      assertThat(rollbacks).singleElement().extracting("toSeqno").isEqualTo(0L);
    }
  }

  @Test
  void aRollbackWhileTheRouteWasStoppedIsToldWhenItStarts() throws Exception {
    start("rollbackEvents=true");
    bucket.upsert("kept", "1");
    VBucketReplica replica = bucket.replica(0);
    bucket.upsert("lost", "1");
    awaitReceived("kept", "lost");
    routes.context().getRouteController().stopRoute("route");
    bucket.failOver(replica);
    bucket.upsert("instead", "1");

    routes.context().getRouteController().startRoute("route");
    awaitReceived("kept", "lost", "rollback", "instead");

    routes.context().getRouteController().stopRoute("route");
    routes.context().getRouteController().startRoute("route");
    bucket.upsert("after", "1");
    awaitReceived("kept", "lost", "rollback", "instead", "after");
  }

  @Test
  void withoutRollbackEventsTheRouteSeesDocumentsOnly() throws Exception {
    start("rollbackEvents=false");
    bucket.upsert("kept", "1");
    VBucketReplica replica = bucket.replica(0);
    bucket.upsert("lost", "1");
    awaitReceived("kept", "lost");

    bucket.failOver(replica);
    bucket.upsert("instead", "1");

    awaitReceived("kept", "lost", "instead");
    assertThat(routes.status().rollbacks()).isEqualTo(1);
  }

  private void purgeWhileTheRouteIsStopped() throws Exception {
    bucket.upsert("kept", "1");
    bucket.upsert("deleted", "1");
    awaitReceived("kept", "deleted");
    routes.context().getRouteController().stopRoute("route");
    bucket.delete("deleted");
    bucket.upsert("later", "1");
    bucket.purgeTombstones();
    bucket.upsert("last", "1");
  }

  @Test
  void deletionsThatWerePurgedMakeItReadAgainAndSaySo() throws Exception {
    start("rollbackEvents=true");
    purgeWhileTheRouteIsStopped();

    routes.context().getRouteController().startRoute("route");

    // The document that was published and is still there is not published again.
    awaitReceived("kept", "deleted", "rollback", "later", "last");
    assertThat(rollbacks.get(0)).isEqualTo(rollback(2, 0, bucket.vbuuid(0), 0));
  }

  @Test
  void deletionsThatWerePurgedAreLeftOutIfThatIsWhatOneWants() throws Exception {
    start("rollbackEvents=true&purgedTombstones=lenient");
    purgeWhileTheRouteIsStopped();

    routes.context().getRouteController().startRoute("route");

    awaitReceived("kept", "deleted", "later", "last");
    assertThat(routes.status().rollbacks()).isZero();
  }

  @Test
  void withThePolicyFailAPurgeStopsTheConsumer() throws Exception {
    start("rollbackPolicy=fail");
    purgeWhileTheRouteIsStopped();

    routes.context().getRouteController().startRoute("route");

    routes.awaitTrouble(Phase.FAILED, "purged deletions in vBucket 0", "after seqno 2");
    assertThat(received).containsExactly("kept", "deleted");
  }

  private Map<String, ?> rollback(long fromSeqno, long toSeqno, long oldVbuuid, int lost) {
    return Map.of(
        "event", "rollback",
        "bucket", name,
        "vBucket", 0,
        "fromSeqno", fromSeqno,
        "toSeqno", toSeqno,
        "oldVbuuid", oldVbuuid,
        "newVbuuid", bucket.vbuuid(0),
        "lost", lost);
  }

  @Test
  void withThePolicyFailTheConsumerStopsAndSaysWhy() throws Exception {
    start("rollbackPolicy=fail");
    bucket.upsert("kept", "1");
    VBucketReplica replica = bucket.replica(0);
    bucket.upsert("lost", "1");
    awaitReceived("kept", "lost");

    bucket.failOver(replica);
    bucket.upsert("instead", "1");

    routes.awaitTrouble(
        Phase.FAILED, "vBucket 0", "from seqno 2", "to seqno 1", "set it to 'resume'");
    assertThat(received).containsExactly("kept", "lost");
    assertThat(routes.status().rollbacks()).isEqualTo(1);
  }
}
