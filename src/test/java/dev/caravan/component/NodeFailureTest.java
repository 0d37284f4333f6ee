// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.delivery.Phase;
import dev.caravan.sandbox.cluster.CouchbaseCluster;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.store.VBucketState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckHelper;
import org.apache.camel.health.HealthCheckRegistry;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.Logger;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One node of several that fails, refuses or leaves: the others are read all the while. */
class NodeFailureTest {
  private static final String FAST = "retryBackoff=50ms&maxRetryBackoff=200ms&bootstrapTimeout=2s";
  private static final String AT_ONCE = FAST + "&persistencePollingInterval=0";
  private static final String ADMINISTRATOR = AT_ONCE + "&username=Administrator&password=password";
  private static final Duration QUIET = Duration.ofSeconds(1);

  private final Received received = new Received();
  private final Routes routes = new Routes();
  private CouchbaseCluster cluster;
  private int written;

  @AfterEach
  void stop() {
    routes.close();
    if (cluster != null) {
      cluster.close();
    }
  }

  private static CouchbaseCluster.Builder nodes(int count, int replicas, int vbuckets) {
    return CouchbaseCluster.builder()
        .nodes(count)
        .replicas(replicas)
        .vbuckets(vbuckets)
        .bucket("travel");
  }

  private void start(String options) throws Exception {
    start(cluster.connectionString(), options);
  }

  private void start(String connectionString, String options) throws Exception {
    routes.start(
        "couchbase-dcp:travel?connectionString=" + connectionString + "&" + options, received);
  }

  private Bucket bucket() {
    return cluster.bucket("travel");
  }

  /** Writes so many documents and returns the ids of those that are not on this node. */
  private List<String> write(int documents, int exceptNode) {
    List<String> elsewhere = new ArrayList<>();
    for (int i = 0; i < documents; i++) {
      String id = "doc-" + written++;
      bucket().upsert(id, "1");
      if (bucket().nodeOf(bucket().vbucketOf(id)) != exceptNode) {
        elsewhere.add(id);
      }
    }
    assertThat(elsewhere).hasSizeBetween(1, documents);
    return elsewhere;
  }

  private void write(int documents) {
    write(documents, -1);
  }

  private void awaitAllWritten() {
    await()
        .atMost(Routes.SOON)
        .untilAsserted(() -> assertThat(received.ids()).doesNotHaveDuplicates().hasSize(written));
  }

  private void awaitReceived(List<String> ids) {
    await().atMost(Routes.SOON).untilAsserted(() -> assertThat(received.ids()).containsAll(ids));
  }

  private void awaitHealthy() {
    routes.awaitPhase(Phase.STREAMING);
    assertThat(routes.status().error()).isNull();
    await()
        .atMost(Routes.SOON)
        .untilAsserted(
            () -> assertThat(routes.status().openStreams()).isEqualTo(routes.status().vbuckets()));
  }

  /** A program that took a node's address and has none of its buckets. */
  private CouchbaseNode impostor(CouchbaseNode node) throws Exception {
    node.stop();
    return CouchbaseNode.builder().host(node.host()).port(node.port()).vbuckets(1).start();
  }

  @Test
  void aClusterThatIsSetUpAgainIsReadWithItsOwnMap() throws Exception {
    cluster = nodes(3, 1, 64).start();
    start(AT_ONCE);
    write(64);
    awaitAllWritten();
    cluster.failOver(1);
    cluster.rebalance(List.of(0, 2));
    cluster.rebalance(List.of(0, 1, 2));
    write(64);
    awaitAllWritten();
    // Its map has an older revision than the client knows, and other nodes.
    cluster.setUpAgain("travel");
    cluster.failOver(2);

    write(64);
    awaitAllWritten();
  }

  @Test
  void aSeedNodeThatWasFailedOverIsOneOfSeveral() throws Exception {
    cluster = nodes(3, 1, 64).start();
    cluster.failOver(2);
    write(100);

    start(FAST);

    awaitAllWritten();
    awaitHealthy();
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(strings = {ADMINISTRATOR, AT_ONCE})
  void aNodeThatComesBackAndRefusesStopsNoOther(String options) throws Exception {
    cluster = nodes(3, 0, 64).start();
    start(options);
    write(100);
    awaitAllWritten();
    awaitHealthy();

    try (CouchbaseNode impostor = impostor(cluster.node(2))) {
      routes.awaitTrouble(Phase.DEGRADED, "Couchbase node " + cluster.node(2).host());
      awaitReceived(write(100, impostor.number() + 2));
      routes.awaitTrouble(
          Phase.DEGRADED,
          options.equals(AT_ONCE) ? "refused user 'travel'" : "Bucket 'travel' doesn't exist");
      assertThat(routes.status().openStreams()).isBetween(1, 63);
    }
    cluster.node(2).start();

    awaitAllWritten();
    awaitHealthy();
  }

  @Test
  void aNodeThatRefusesFromTheBeginningKeepsNoVBucketOfAnotherWaiting() throws Exception {
    cluster = nodes(3, 0, 1024).start();
    List<String> elsewhere = write(3_000, 2);

    try (CouchbaseNode impostor = impostor(cluster.node(2))) {
      start(ADMINISTRATOR);
      awaitReceived(elsewhere);
      routes.awaitTrouble(Phase.DEGRADED, "doesn't exist on Couchbase node " + impostor.host());
      assertThat(routes.status().openStreams()).isEqualTo(1024 * 2 / 3 + 1);
    }
    cluster.node(2).start();

    awaitAllWritten();
    awaitHealthy();
  }

  @Test
  void aBucketThatNoNodeHasIsNamed() throws Exception {
    cluster = nodes(3, 0, 4).start();

    routes.start(
        "couchbase-dcp:beer?connectionString=%s&%s"
            .formatted(cluster.connectionString(), ADMINISTRATOR),
        received);

    routes.awaitTrouble(Phase.CONNECTING, "Bucket 'beer' doesn't exist");
  }

  @Test
  void theStatusForgetsANodeThatWasFailedOver() throws Exception {
    cluster = nodes(3, 1, 64).start();
    start(FAST);
    write(100);
    awaitAllWritten();

    cluster.failOver(2);
    write(100);

    awaitAllWritten();
    awaitHealthy();
    cluster.node(2).stop();
    write(100);
    awaitAllWritten();
    awaitHealthy();
  }

  @Test
  void theStatusAndTheHealthForgetNodesThatLeftInARebalance() throws Exception {
    HealthCheckRegistry registry = HealthCheckHelper.getHealthCheckRegistry(routes.context());
    registry.setExposureLevel("full");
    registry.register(registry.resolveById("consumers"));
    cluster = nodes(3, 1, 64).start();
    start(FAST);
    write(100);
    awaitAllWritten();

    cluster.rebalance(List.of(2));
    write(100);

    awaitAllWritten();
    awaitHealthy();
    await()
        .atMost(Routes.SOON)
        .untilAsserted(
            () ->
                assertThat(HealthCheckHelper.invokeReadiness(routes.context()))
                    .allMatch(result -> result.getState() == HealthCheck.State.UP));

    cluster.rebalance(List.of(0, 1));
    cluster.node(2).stop();
    write(100);
    awaitAllWritten();
    awaitHealthy();
  }

  @Test
  void aSeedNodeMayHaveAnotherNameInTheMap() throws Exception {
    cluster = nodes(3, 1, 64).start();
    write(100);

    start("localhost:" + cluster.node(0).port(), FAST);

    awaitAllWritten();
    awaitHealthy();
  }

  @Test
  void aVBucketThatIsActiveNowhereStopsNoOther() throws Exception {
    cluster = nodes(2, 0, 16).start();
    write(100);
    start(AT_ONCE);
    awaitAllWritten();
    awaitHealthy();

    bucket().setState(3, VBucketState.DEAD);
    cluster.node(0).publishClusterMap("travel");
    cluster.node(1).publishClusterMap("travel");
    routes.awaitTrouble(Phase.DEGRADED, "vBuckets [3] of bucket 'travel' are active on no node");
    routes.context().getRouteController().stopRoute("route");
    routes.context().getRouteController().startRoute("route");
    routes.awaitTrouble(Phase.DEGRADED, "vBuckets [3] of bucket 'travel' are active on no node");
    await().atMost(Routes.SOON).until(() -> routes.status().openStreams() == 15);

    bucket().setState(3, VBucketState.ACTIVE);
    cluster.node(0).publishClusterMap("travel");
    cluster.node(1).publishClusterMap("travel");
    awaitHealthy();
  }

  @Test
  void aFiniteRunThatWaitsForANodeGoesOnWhenTheNodeHasLeft() throws Exception {
    cluster = nodes(2, 1, 16).start();
    write(100);
    cluster.node(1).stop();
    start(AT_ONCE + "&streamTo=now");
    routes.awaitTrouble(Phase.CONNECTING, cluster.node(1).host(), "can't be reached");
    // Connected, and asks all nodes where the vBuckets stand.
    await().atMost(Routes.SOON).until(() -> routes.status().vbuckets() == 16);

    cluster.failOver(1);

    routes.awaitPhase(Phase.FINISHED);
    assertThat(received.ids()).hasSize(100);
  }

  @Test
  void nothingIsTriedAnyMoreWhenTheRouteIsStoppedWhileANodeIsAway() throws Exception {
    cluster = nodes(3, 0, 64).start();
    start(AT_ONCE);
    write(100);
    awaitAllWritten();
    awaitHealthy();
    cluster.node(2).stop();
    routes.awaitTrouble(Phase.DEGRADED, cluster.node(2).host());

    try (Tries tries = new Tries()) {
      routes.context().getRouteController().stopRoute("route");

      awaitNothingIsTried(tries);
    }
  }

  @Test
  void nothingIsTriedAnyMoreAfterAttemptsThatFailed() throws Exception {
    cluster = nodes(3, 0, 64).start();
    cluster.node(2).stop();
    start(AT_ONCE + "&stallTimeout=200ms");
    routes.awaitTrouble(Phase.DEGRADED, cluster.node(2).host());
    for (int i = 0; i < 3; i++) {
      cluster.node(0).stop();
      cluster.node(1).stop();
      routes.awaitTrouble(Phase.CONNECTING, "can't be reached");
      cluster.node(0).start();
      cluster.node(1).start();
      routes.awaitTrouble(Phase.DEGRADED, cluster.node(2).host());
    }

    try (Tries tries = new Tries()) {
      await().atMost(Routes.SOON).until(() -> !tries.messages.isEmpty());
      routes.context().getRouteController().stopRoute("route");

      awaitNothingIsTried(tries);
    }
  }

  /** What the DCP client tries again; it logs each try, in words that begin alike. */
  private static final class Tries extends AbstractAppender implements AutoCloseable {
    private final Logger logger =
        (Logger) LogManager.getLogger("com.couchbase.client.dcp.conductor.Conductor");
    private final Level before = logger.getLevel();
    private final Queue<String> messages = new ConcurrentLinkedQueue<>();

    Tries() {
      super("tries", null, null, false, Property.EMPTY_ARRAY);
      start();
      logger.addAppender(this);
      logger.setLevel(Level.DEBUG);
    }

    @Override
    public void append(LogEvent event) {
      String message = event.getMessage().getFormattedMessage();
      if (message.startsWith("Rescheduling ")) {
        messages.add(message);
      }
    }

    /** What was tried since the last call. */
    List<String> take() {
      List<String> taken = new ArrayList<>();
      for (String message = messages.poll(); message != null; message = messages.poll()) {
        taken.add(message);
      }
      return taken;
    }

    @Override
    public void close() {
      logger.setLevel(before);
      logger.removeAppender(this);
      stop();
    }
  }

  /** The client's last try comes at most four seconds after the end. */
  private static void awaitNothingIsTried(Tries tries) {
    await()
        .during(QUIET)
        .atMost(Routes.SOON)
        .untilAsserted(() -> assertThat(tries.take()).isEmpty());
  }

  @Test
  void routesThatAreStoppedWhileTheyConnectLeaveNoThreadBehind() throws Exception {
    cluster = nodes(2, 0, 16).start();
    start(FAST);
    for (int i = 0; i < 20; i++) {
      routes.context().getRouteController().stopRoute("route");
      routes.context().getRouteController().startRoute("route");
    }
    routes.context().getRouteController().stopRoute("route");

    await()
        .atMost(Routes.SOON)
        .until(
            () ->
                Thread.getAllStackTraces().keySet().stream()
                    .noneMatch(thread -> thread.getName().contains("couchbase-dcp-reconfigure")));
  }

  @Test
  void aBucketThatComesBackAsOneOnDiskIsReadOncePersisted() throws Exception {
    cluster = CouchbaseCluster.builder().nodes(1).vbuckets(4).ephemeralBucket("travel").start();
    int port = cluster.node(0).port();
    start(FAST + "&persistencePollingInterval=20ms");
    bucket().upsert("in memory", "1");
    received.awaitCount(1);

    cluster.close();
    cluster = CouchbaseCluster.builder().nodes(1).vbuckets(4).bucket("travel").port(port).start();
    cluster.node(0).publishClusterMap("travel");
    bucket().stopPersistence(0);
    bucket().upsert("on disk", "1");
    awaitHealthy();
    await().during(QUIET).atMost(Routes.SOON).until(() -> received.ids().size() == 1);
    bucket().resumePersistence(0);

    received.awaitCount(2);
  }
}
