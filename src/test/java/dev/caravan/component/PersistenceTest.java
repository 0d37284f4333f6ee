// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.delivery.Phase;
import dev.caravan.sandbox.cluster.CouchbaseCluster;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Changes that a node has, and that are not on the disk of each node that keeps them. */
class PersistenceTest {
  private static CouchbaseCluster cluster;

  private final Received received = new Received();
  private final Routes routes = new Routes();

  @BeforeAll
  static void startCluster() throws Exception {
    cluster =
        CouchbaseCluster.builder()
            .nodes(2)
            .replicas(1)
            .vbuckets(8)
            .bucket("disk")
            .bucket("hasty")
            .ephemeralBucket("memory")
            .start();
  }

  @AfterAll
  static void stopCluster() {
    cluster.close();
  }

  @AfterEach
  void stopRoutes() {
    routes.close();
  }

  private void start(String bucket, String options) throws Exception {
    routes.start(
        "couchbase-dcp:%s?connectionString=%s&retryBackoff=50ms&%s"
            .formatted(bucket, cluster.connectionString(), options),
        received);
    routes.awaitPhase(Phase.STREAMING);
  }

  @Test
  void aChangeIsReadOnceItIsPersistedOnEveryNodeThatKeepsItAndWaitingIsNoStall() throws Exception {
    start("disk", "stallTimeout=100ms");
    Bucket bucket = cluster.bucket("disk");
    bucket.upsert("before", "1");
    received.awaitCount(1);

    bucket.stopPersistence(1);
    for (int i = 0; i < 20; i++) {
      bucket.upsert("doc-" + i, "1");
    }
    await()
        .during(Duration.ofSeconds(1))
        .atMost(Routes.SOON)
        .until(() -> received.messages().size() == 1 && routes.status().phase() == Phase.STREAMING);

    bucket.resumePersistence(1);
    received.awaitCount(21);
    assertThat(received.ids()).doesNotHaveDuplicates();
  }

  @Test
  void itDoesNotWaitIfOneDoesNotWantTo() throws Exception {
    Bucket bucket = cluster.bucket("hasty");
    bucket.stopPersistence(0);
    bucket.stopPersistence(1);
    start("hasty", "persistencePollingInterval=0");

    bucket.upsert("doc", "1");

    received.awaitCount(1);
  }

  @Test
  void anEphemeralBucketPersistsNothingAndIsReadAtOnce() throws Exception {
    Bucket bucket = cluster.bucket("memory");
    bucket.stopPersistence(0);
    bucket.stopPersistence(1);
    start("memory", "persistencePollingInterval=100ms");

    bucket.upsert("doc", "1");

    received.awaitCount(1);
    assertThat(routes.status().error()).isNull();
  }
}
