// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.delivery.Phase;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.auth.Privilege;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.EnumSet;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckHelper;
import org.apache.camel.health.HealthCheckRegistry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a user sees when Couchbase can't be read, and that it comes right by itself once it can. */
class CouchbaseDcpConnectTest {
  private static final String FAST = "&retryBackoff=50ms&maxRetryBackoff=200ms&bootstrapTimeout=2s";

  private final Received received = new Received();
  private final Routes routes = new Routes();
  private CouchbaseNode node;

  @BeforeEach
  void startNode() throws Exception {
    node = node(0);
  }

  private static CouchbaseNode node(int port) throws Exception {
    return CouchbaseNode.builder()
        .port(port)
        .vbuckets(16)
        .bucket("travel")
        .user("visitor", "secret")
        .user("reader", "secret")
        .grant("reader", "travel", EnumSet.of(Privilege.READ))
        .start();
  }

  @AfterEach
  void stop() {
    routes.close();
    node.close();
  }

  private String uri(String bucket) {
    return "couchbase-dcp:" + bucket + "?connectionString=" + node.connectionString() + FAST;
  }

  @Test
  void aWrongPasswordIsNamedAndTheRightOneIsTaken() throws Exception {
    AtomicReference<String> password = new AtomicReference<>("wr0ng");
    routes.bind(
        "login",
        new Credentials() {
          @Override
          public String username() {
            return CouchbaseNode.ADMINISTRATOR;
          }

          @Override
          public String password() {
            return password.get();
          }
        });
    node.bucket("travel").upsert("doc", "1");
    routes.start(uri("travel") + "&credentials=#login", received);
    routes.awaitTrouble(Phase.CONNECTING, "user 'Administrator'", "password is wrong");
    assertThat(routes.status().error().getMessage()).doesNotContain("wr0ng");

    password.set(CouchbaseNode.ADMINISTRATOR_PASSWORD);

    received.awaitCount(1);
    routes.awaitPhase(Phase.STREAMING);
    assertThat(routes.status().error()).isNull();
  }

  @Test
  void aMissingBucketIsNamedAndReadOnceItExists() throws Exception {
    routes.start(uri("beer") + "&username=Administrator&password=password", received);
    routes.awaitTrouble(Phase.CONNECTING, "Bucket 'beer' doesn't exist");

    node.createBucket("beer").upsert("doc", "1");

    received.awaitCount(1);
    routes.awaitPhase(Phase.STREAMING);
  }

  @Test
  void aUserWithoutAnyRightsIsNamed() throws Exception {
    routes.start(uri("travel") + "&username=visitor&password=secret", received);

    routes.awaitTrouble(Phase.CONNECTING, "User 'visitor' may not read bucket 'travel'");
  }

  @Test
  void aUserWhoMayReadButNotStreamIsNamed() throws Exception {
    routes.start(uri("travel") + "&username=reader&password=secret", received);

    routes.awaitTrouble(
        Phase.CONNECTING, "User 'reader' may not stream bucket 'travel'", "Data DCP Reader");
  }

  @Test
  void anUnreachableNodeIsNamedAndStartingReturnsAtOnce() throws Exception {
    int port = node.port();
    node.close();

    long begin = System.nanoTime();
    routes.start(
        uri("travel").replaceFirst("connectionString=[^&]*", "connectionString=127.0.0.1:" + port),
        received);
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(5));
    routes.awaitTrouble(Phase.CONNECTING, "127.0.0.1:" + port, "can't be reached");

    node = node(port);
    node.bucket("travel").upsert("doc", "1");

    received.awaitCount(1);
    routes.awaitPhase(Phase.STREAMING);
  }

  @Test
  void aNodeThatAcceptsButNeverAnswersIsNamed() throws Exception {
    try (ServerSocket silent = new ServerSocket(0)) {
      String address = "127.0.0.1:" + silent.getLocalPort();
      routes.start("couchbase-dcp:travel?connectionString=" + address + FAST, received);

      routes.awaitTrouble(Phase.CONNECTING, address);
    }
  }

  @Test
  void stoppingWhileTheNodeIsUnreachableIsQuick() throws Exception {
    try (ServerSocket silent = new ServerSocket(0)) {
      routes.start(
          "couchbase-dcp:travel?connectionString=127.0.0.1:" + silent.getLocalPort() + FAST,
          received);
      routes.awaitPhase(Phase.CONNECTING);

      long begin = System.nanoTime();
      routes.context().getRouteController().stopRoute("route");

      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(4));
    }
  }

  @Test
  void aNodeThatGoesDownLaterIsNamedAndReadAgainOnceItIsUp() throws Exception {
    routes.start(uri("travel"), received);
    node.bucket("travel").upsert("before", "1");
    received.awaitCount(1);
    routes.awaitPhase(Phase.STREAMING);
    int port = node.port();

    node.close();
    routes.awaitTrouble(Phase.CONNECTING, "127.0.0.1:" + port);
    node = node(port);
    node.bucket("travel").upsert("after", "2");

    received.awaitCount(2);
    assertThat(received.ids()).containsExactly("before", "after");
    routes.awaitPhase(Phase.STREAMING);
  }

  @Test
  void oneOfSeveralSeedNodesIsEnough() throws Exception {
    node.bucket("travel").upsert("doc", "1");
    int unused;
    try (ServerSocket socket = new ServerSocket(0)) {
      unused = socket.getLocalPort();
    }

    routes.start(
        "couchbase-dcp:travel?connectionString=127.0.0.1:"
            + unused
            + ";127.0.0.1:"
            + node.port()
            + FAST,
        received);

    received.awaitCount(1);
    routes.awaitPhase(Phase.STREAMING);
  }

  @Test
  void vbucketsThatDontExistFailTheConsumer() throws Exception {
    routes.start(uri("travel") + "&vbuckets=0-100", received);

    routes.awaitTrouble(Phase.FAILED, "vbuckets '0-100'", "only 0 to 15");
  }

  @Test
  void theHealthCheckFollows() throws Exception {
    HealthCheckRegistry registry = HealthCheckHelper.getHealthCheckRegistry(routes.context());
    registry.setExposureLevel("full");
    registry.register(registry.resolveById("consumers"));
    routes.start(uri("beer") + "&username=Administrator&password=password", received);
    routes.awaitTrouble(Phase.CONNECTING, "beer");
    HealthCheck.Result down = health();
    assertThat(down.getState()).isEqualTo(HealthCheck.State.DOWN);
    assertThat(down.getMessage().orElseThrow()).contains("Bucket 'beer' doesn't exist");
    assertThat(down.getDetails())
        .containsEntry("buckets", "beer")
        .containsEntry("phase", "CONNECTING")
        .containsEntry("connection.reason", "NO_SUCH_BUCKET")
        .containsEntry("streams.open", 0);

    node.createBucket("beer");

    await()
        .atMost(Routes.SOON)
        .untilAsserted(() -> assertThat(health().getState()).isEqualTo(HealthCheck.State.UP));
    assertThat(health().getDetails())
        .containsEntry("streams.open", 16)
        .doesNotContainKey("connection.reason");
  }

  private HealthCheck.Result health() {
    return HealthCheckHelper.invokeReadiness(routes.context()).stream()
        .filter(result -> result.getCheck().getId().startsWith("consumer:"))
        .findFirst()
        .orElseThrow();
  }
}
