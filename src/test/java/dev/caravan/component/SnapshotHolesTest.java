// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.delivery.Phase;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.VBucketReplica;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Failovers in the middle of snapshots that leave out what was superseded (couchbase-kv,
 * answers-rollback): an older version that is the truth again is published, and what was published
 * and is still true is not.
 */
class SnapshotHolesTest {
  private static final int VBUCKET = 0;

  private final List<String> received = new CopyOnWriteArrayList<>();
  private final List<Integer> lost = new CopyOnWriteArrayList<>();
  private final Routes routes = new Routes();
  private CouchbaseNode node;
  private Bucket bucket;

  @BeforeEach
  void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(1).bucket("holes").failoverLogEntries(5).start();
    bucket = node.bucket("holes");
  }

  @AfterEach
  void stop() {
    routes.close();
    node.close();
  }

  private void startRoute() throws Exception {
    routes.start(
        "couchbase-dcp:holes?connectionString=%s&retryBackoff=50ms&persistencePollingInterval=0"
                .formatted(node.connectionString())
            + "&rollbackEvents=true&batchSize=1",
        this::receive);
  }

  private void receive(Exchange exchange) {
    if (exchange.getIn() instanceof CouchbaseDcpRollbackMessage rollback) {
      lost.add(rollback.getLost());
    } else {
      received.add(
          exchange.getIn(CouchbaseDcpMessage.class).getDocumentId()
              + "="
              + exchange.getIn().getBody(String.class));
    }
  }

  private void write(String... ids) {
    for (String id : ids) {
      bucket.upsert(id, "1");
    }
  }

  private void awaitReceived(String... expected) {
    await().atMost(Routes.SOON).untilAsserted(() -> assertThat(received).containsExactly(expected));
  }

  /**
   * The rollback's event comes once the node has said how far the vBucket goes, which may be after
   * changes that are newer than the rollback.
   */
  private void awaitLost(int expected) {
    await().atMost(Routes.SOON).untilAsserted(() -> assertThat(lost).containsExactly(expected));
  }

  /** The node loses what was not persisted, with the route running or stopped meanwhile. */
  private void crash(boolean whileStopped) throws Exception {
    if (whileStopped) {
      routes.context().getRouteController().stopRoute("route");
    }
    bucket.crash(0);
    if (whileStopped) {
      routes.context().getRouteController().startRoute("route");
    }
  }

  @ParameterizedTest(name = "while stopped: {0}")
  @ValueSource(booleans = {false, true})
  void aVersionThatWasSupersededInMemoryIsPublishedIfTheNewerOneIsLost(boolean whileStopped)
      throws Exception {
    startRoute();
    write("fill");
    awaitReceived("fill=1");
    bucket.holdStreams(VBUCKET);
    write("a");
    bucket.upsert("K", "\"v1\"");
    write("b");
    bucket.stopPersistence(0);
    bucket.upsert("K", "\"v2\"");
    bucket.releaseStreams(VBUCKET, 4);
    awaitReceived("fill=1", "a=1", "b=1");

    crash(whileStopped);
    bucket.releaseStreams(VBUCKET);
    write("last");

    if (whileStopped) {
      // What was published of the snapshot is known as long as the route runs.
      awaitReceived("fill=1", "a=1", "b=1", "K=\"v1\"", "b=1", "last=1");
    } else {
      awaitReceived("fill=1", "a=1", "b=1", "K=\"v1\"", "last=1");
    }
    awaitLost(0);
  }

  /**
   * @param delay of the node's answers: of that to how far the vBucket goes, too, which says when
   *     all is read again
   */
  @ParameterizedTest(name = "answers after {0} ms")
  @ValueSource(ints = {0, 200})
  void aLostChangeWhoseOlderVersionIsNotReadAgainIsCounted(int delay) throws Exception {
    startRoute();
    bucket.upsert("K", "\"v1\"");
    bucket.stopPersistence(0);
    bucket.upsert("K", "\"v2\"");
    write("a");
    awaitReceived("K=\"v1\"", "K=\"v2\"", "a=1");

    node.delay(Duration.ofMillis(delay));
    crash(false);
    write("last");

    awaitReceived("K=\"v1\"", "K=\"v2\"", "a=1", "last=1");
    awaitLost(2);
  }

  @ParameterizedTest(name = "up to change {0}")
  @ValueSource(longs = {3, 4})
  void aHoleBeforeTheMarkerIsRemembered(long upTo) throws Exception {
    startRoute();
    write("fill");
    awaitReceived("fill=1");
    bucket.holdStreams(VBUCKET);
    bucket.upsert("K", "\"v1\"");
    write("a", "b");
    bucket.stopPersistence(0);
    bucket.upsert("K", "\"v2\"");
    write("c");
    // The marker starts at the change 3, after the hole.
    bucket.releaseStreams(VBUCKET, upTo);
    List<String> expected =
        new ArrayList<>(List.of("fill=1", "a=1", "b=1").subList(0, (int) upTo - 1));
    awaitReceived(expected.toArray(String[]::new));

    crash(false);
    bucket.releaseStreams(VBUCKET);

    expected.add("K=\"v1\"");
    if (upTo == 3) {
      expected.add("b=1");
    }
    awaitReceived(expected.toArray(String[]::new));
  }

  @Test
  void aVersionThatABackfillLeavesOutIsPublishedIfTheNewerOneIsLost() throws Exception {
    bucket.upsert("K", "\"v1\"");
    write("a", "b");
    VBucketReplica replica = bucket.replica(VBUCKET);
    bucket.upsert("K", "\"v2\"");
    write("c");
    bucket.openCheckpoints();
    bucket.holdStreams(VBUCKET);
    startRoute();
    bucket.releaseStreams(VBUCKET, 3);
    awaitReceived("a=1", "b=1");

    bucket.failOver(replica);
    bucket.releaseStreams(VBUCKET);

    awaitReceived("a=1", "b=1", "K=\"v1\"");
    awaitLost(0);
  }

  @Test
  void aCopyThatWasPromotedInTheMiddleOfASnapshotRepeatsNothing() throws Exception {
    startRoute();
    write("a", "b");
    awaitReceived("a=1", "b=1");
    VBucketReplica replica = bucket.replica(VBUCKET);
    bucket.holdStreams(VBUCKET);
    write("c", "d", "e");
    bucket.releaseStreams(VBUCKET, 4);
    awaitReceived("a=1", "b=1", "c=1", "d=1");

    // It has c and d, too, but its history says that it parts from the old one after b.
    bucket.failOver(bucket.receive(replica, 2));
    bucket.releaseStreams(VBUCKET);
    write("f");

    awaitReceived("a=1", "b=1", "c=1", "d=1", "f=1");
    awaitLost(0);
  }

  @Test
  void aFailoverThatIsNotNoticedByADocumentIsNotForgotten() throws Exception {
    startRoute();
    write("a", "b");
    awaitReceived("a=1", "b=1");

    // More often than the log has entries: without a new vbuuid, the offset's would be unknown.
    for (int i = 0; i < 8; i++) {
      bucket.crash(0);
      await()
          .atMost(Routes.SOON)
          .untilAsserted(
              () -> {
                assertThat(routes.status().phase()).isEqualTo(Phase.STREAMING);
                assertThat(routes.status().openStreams()).isEqualTo(1);
              });
    }
    routes.context().getRouteController().stopRoute("route");
    routes.context().getRouteController().startRoute("route");
    write("c");

    awaitReceived("a=1", "b=1", "c=1");
    assertThat(lost).isEmpty();
  }

  @Test
  void withoutItsHistoryInTheLogOnlyTheVeryChangesAreLeftOut() throws Exception {
    startRoute();
    bucket.upsert("K", "\"v1\"");
    write("a");
    awaitReceived("K=\"v1\"", "a=1");
    bucket.upsert("K", "\"v2\"");
    awaitReceived("K=\"v1\"", "a=1", "K=\"v2\"");

    // The bucket is made again, with a part of the same documents, and a history of its own.
    bucket.recreate(VBUCKET);
    write("b");

    awaitReceived("K=\"v1\"", "a=1", "K=\"v2\"", "b=1");
    awaitLost(3);
  }
}
