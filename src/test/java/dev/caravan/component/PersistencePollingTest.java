// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.delivery.Phase;
import dev.caravan.sandbox.cluster.CouchbaseCluster;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.time.Duration;
import java.util.stream.IntStream;
import org.apache.camel.CamelContext;
import org.apache.camel.builder.RouteBuilder;
import org.junit.jupiter.api.Test;

/** What it costs the nodes to be asked how far changes are persisted. */
class PersistencePollingTest {
  private static final int TASKS = 4;
  private static final int VBUCKETS = 512;
  private static final Duration INTERVAL = Duration.ofMillis(500);

  /** What each connection of a task may ask otherwise: its handshake, maps, seqnos and so on. */
  private static final int REQUESTS_PER_CONNECTION = 40;

  private final Received received = new Received();

  @Test
  void nodesAreAskedForTheVbucketsOfATaskThatWaitAndForNoOther() throws Exception {
    try (CouchbaseCluster cluster =
            CouchbaseCluster.builder()
                .nodes(2)
                .replicas(1)
                .vbuckets(VBUCKETS)
                .bucket("travel")
                .start();
        Routes tasks = new Routes()) {
      CamelContext context = tasks.context();
      Bucket bucket = cluster.bucket("travel");
      context.addRoutes(routes(cluster));
      context.start();
      await()
          .atMost(Routes.SOON)
          .until(
              () ->
                  context.getRoutes().stream()
                      .map(route -> (CouchbaseDcpConsumer) route.getConsumer())
                      .allMatch(consumer -> consumer.status().phase() == Phase.STREAMING));

      // A request for the stream of each vBucket, and one for its collections.
      int toBegin = 2 * VBUCKETS + TASKS * 2 * REQUESTS_PER_CONNECTION;
      assertThat(requests(cluster)).as("to begin").isLessThan(toBegin);

      long idle = requests(cluster);
      await().during(INTERVAL.multipliedBy(2)).atMost(Routes.SOON).until(() -> true);
      assertThat(requests(cluster) - idle).as("while nothing happens").isLessThan(TASKS * 2 * 4);

      long written = System.nanoTime();
      bucket.upsert("doc", "1");
      received.awaitCount(1);
      assertThat(Duration.ofNanos(System.nanoTime() - written))
          .as("the delay of a change")
          .isLessThan(INTERVAL.plusMillis(500));

      bucket.stopPersistence(1);
      long waiting = requests(cluster);
      bucket.upsert("held", "1");
      await()
          .during(INTERVAL.multipliedBy(3))
          .atMost(Routes.SOON)
          .until(() -> received.messages().size() == 1);
      assertThat(requests(cluster) - waiting)
          .as("while one vBucket waits")
          .isBetween(4L, 2L * 6 + TASKS * 2 * 4);

      bucket.resumePersistence(1);
      received.awaitCount(2);
    }
  }

  private static long requests(CouchbaseCluster cluster) {
    return cluster.nodes().stream().mapToLong(CouchbaseNode::requestCount).sum();
  }

  private RouteBuilder routes(CouchbaseCluster cluster) {
    return new RouteBuilder() {
      @Override
      public void configure() {
        IntStream.range(0, TASKS)
            .forEach(
                task ->
                    from("couchbase-dcp:travel?connectionString=%s&vbuckets=%d/%d&persistencePollingInterval=%d&connectTimeout=20s"
                            .formatted(
                                cluster.connectionString(), task, TASKS, INTERVAL.toMillis()))
                        .routeId("task-" + task)
                        .process(received));
      }
    };
  }
}
