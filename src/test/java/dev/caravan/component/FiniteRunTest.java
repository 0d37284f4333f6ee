// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.delivery.Phase;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.VBucketReplica;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Processor;
import org.apache.camel.ServiceStatus;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Routes with {@code streamTo=now}, which end by themselves. */
class FiniteRunTest extends OwnBucket {
  private final Received received = new Received();

  @BeforeAll
  static void startNode() throws Exception {
    node = CouchbaseNode.builder().vbuckets(16).start();
  }

  private String uri(String options) {
    return "couchbase-dcp:%s?connectionString=%s&retryBackoff=50ms&streamTo=now%s"
        .formatted(name, node.connectionString(), options);
  }

  private void start(String options, Processor processor) throws Exception {
    routes.start(uri(options), processor);
  }

  private void awaitStopped() {
    await()
        .atMost(Routes.SOON)
        .untilAsserted(
            () -> {
              assertThat(routes.context().getRouteController().getRouteStatus("route"))
                  .isEqualTo(ServiceStatus.Stopped);
              assertThat(routes.status().phase()).isEqualTo(Phase.FINISHED);
            });
  }

  @ParameterizedTest(name = "in exchanges of up to {0}")
  @ValueSource(ints = {1, 100})
  void theRouteStopsWhenItHasReadWhatWasThereAndGoesOnFromThereNextTime(int batchSize)
      throws Exception {
    bucket.load(500, 100);
    start("&batchSize=" + batchSize, received);
    awaitStopped();
    assertThat(received.ids()).hasSize(500).doesNotHaveDuplicates();
    assertThat(routes.status().error()).isNull();

    bucket.upsert("later", "1");
    routes.context().getRouteController().startRoute("route");

    received.awaitCount(501);
    awaitStopped();
    assertThat(received.ids()).hasSize(501).endsWith("later");
  }

  @Test
  void anEmptyBucketIsReadAtOnce() throws Exception {
    start("", received);

    awaitStopped();
    assertThat(received.messages()).isEmpty();
  }

  @Test
  void changesOfOtherCollectionsAtTheEndDontKeepItWaiting() throws Exception {
    bucket.createScope("shop");
    bucket.createCollection("shop", "orders");
    bucket.collection("shop", "orders").upsert("order", "1");
    for (int i = 0; i < 100; i++) {
      bucket.upsert("elsewhere-" + i, "1");
    }

    start("&collections=shop.orders", received);

    awaitStopped();
    assertThat(received.ids()).containsExactly("order");
  }

  @Test
  void itIsNotOverBeforeTheLastExchangeIs() throws Exception {
    bucket.upsert("doc", "1");
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    start(
        "",
        exchange -> {
          entered.countDown();
          leave.await();
          received.process(exchange);
        });
    assertThat(entered.await(20, TimeUnit.SECONDS)).isTrue();
    routes.awaitPhase(Phase.STREAMING);

    leave.countDown();

    awaitStopped();
    assertThat(received.ids()).containsExactly("doc");
  }

  @Test
  void connectionsThatBreakOnTheWayDontEndIt() throws Exception {
    bucket.load(2_000, 100);
    start(
        "&flowControlBufferSize=4096&persistencePollingInterval=0",
        exchange -> {
          received.process(exchange);
          int count = received.messages().size();
          if (count == 300 || count == 900) {
            node.disconnectAll();
          }
        });

    awaitStopped();
    assertThat(received.ids()).doesNotHaveDuplicates().hasSize(2_000);
  }

  @Test
  void aConnectionThatBreaksBetweenTheLastChangeAndTheEndDoesntKeepItWaiting() throws Exception {
    // It fills the window, so that the node can't send that the stream has ended.
    bucket.load(1, 16_384);

    start(
        "&flowControlBufferSize=4096&persistencePollingInterval=0",
        exchange -> {
          node.disconnectAll();
          received.process(exchange);
        });

    awaitStopped();
    assertThat(received.ids()).hasSize(1);
  }

  @Test
  void whatAFailoverLosesOnTheWayIsNotWaitedFor() throws Exception {
    bucket.upsert("kept", "1");
    int vbucket = bucket.vbucketOf("kept");
    VBucketReplica replica = bucket.replica(vbucket);
    for (int i = 0; i < 10; i++) {
      bucket.upsert("kept", "lost");
    }
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch leave = new CountDownLatch(1);
    start(
        "",
        exchange -> {
          entered.countDown();
          leave.await();
          received.process(exchange);
        });
    assertThat(entered.await(20, TimeUnit.SECONDS)).isTrue();

    bucket.failOver(replica);
    node.disconnectAll();
    leave.countDown();

    awaitStopped();
    assertThat(received.messages()).isNotEmpty();
  }

  @Test
  void aProgramOfOneSuchRouteEndsAWhileAfterIt() throws Exception {
    bucket.load(10, 100);
    Main main = new Main();
    main.configure().withDurationMaxIdleSeconds(1);
    main.configure()
        .addRoutesBuilder(
            new RouteBuilder() {
              @Override
              public void configure() {
                from(uri("")).process(received);
              }
            });

    main.run();

    assertThat(received.messages()).hasSize(10);
  }

  @Test
  void aYamlRouteWithAnOffsetFileGoesOnInItsNextRun(@TempDir Path directory) throws Exception {
    Path route = directory.resolve("nightly.camel.yaml");
    Files.writeString(
        route,
        """
        - beans:
            - name: offsets
              type: dev.caravan.offset.FileOffsetStore
              destroyMethod: close
              constructors:
                "0": %s
        - route:
            from:
              uri: "%s&offsetStore=#bean:offsets"
              steps:
                - process:
                    ref: received
        """
            .formatted(directory.resolve("offsets.json"), uri("")));
    bucket.load(10, 100);
    run(route);
    assertThat(received.ids()).hasSize(10);

    bucket.upsert("later", "1");
    run(route);

    assertThat(received.ids()).hasSize(11).endsWith("later");
    assertThat(Files.readString(directory.resolve("offsets.json")))
        .as("the key of a route without an id")
        .startsWith("{\"owners\":{\"" + name + "\":{");
  }

  @Test
  void aYamlRouteThatNamesAnOffsetFileGoesOnInItsNextRun(@TempDir Path directory) throws Exception {
    Path route = directory.resolve("nightly.camel.yaml");
    Path file = directory.resolve("offsets.json");
    Files.writeString(
        route,
        """
        - route:
            id: nightly
            from:
              uri: couchbase-dcp:%s
              parameters:
                connectionString: %s
                streamTo: now
                offsetStore: file:%s
                batchSize: 500
              steps:
                - process:
                    ref: received
        """
            .formatted(name, node.connectionString(), file));
    bucket.load(10, 100);
    run(route);
    assertThat(received.ids()).hasSize(10);

    bucket.upsert("later", "1");
    run(route);

    assertThat(received.ids()).hasSize(11).endsWith("later");
    assertThat(Files.readString(file)).startsWith("{\"owners\":{\"nightly\":{");
  }

  private void run(Path route) throws Exception {
    Main main = new Main();
    main.bind("received", received);
    main.configure().withDurationMaxIdleSeconds(1).withRoutesIncludePattern("file:" + route);
    main.run();
  }
}
