// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.stream.cluster.ConnectionFailure.Reason;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Which nodes count, and when all of them have failed. */
@Tag("unit")
class NodeConnectionsTest {
  private final List<ConnectionFailure> failures = new ArrayList<>();
  private final NodeConnections connections = new NodeConnections(failures::add);

  private static ConnectionFailure failure(Reason reason) {
    return new ConnectionFailure(reason, reason.toString());
  }

  private void fail(String node, Reason reason) {
    connections.connecting(node);
    connections.failed(node, failure(reason));
  }

  private void establish(String node) {
    connections.connecting(node);
    connections.established(node);
  }

  private static String map(int revision, String... hosts) {
    StringBuilder nodes = new StringBuilder();
    for (String host : hosts) {
      nodes.append(nodes.isEmpty() ? "" : ",");
      nodes.append("{\"hostname\":\"%s\",\"services\":{\"kv\":1}}".formatted(host));
    }
    return "{\"rev\":%d,\"nodeLocator\":\"vbucket\",\"nodesExt\":[%s]}".formatted(revision, nodes);
  }

  @Test
  void beforeThereIsAMapEverySeedHasToFail() {
    connections.seeds(Set.of("a:1", "b:1"));

    fail("a:1", Reason.NO_SUCH_BUCKET);
    assertThat(connections.allFailed()).isFalse();
    assertThat(connections.allFailedDecisively()).isFalse();

    fail("b:1", Reason.UNREACHABLE);
    assertThat(connections.allFailed()).isTrue();
    assertThat(connections.allFailedDecisively()).isFalse();
    assertThat(connections.failure().reason()).isEqualTo(Reason.NO_SUCH_BUCKET);

    fail("b:1", Reason.NO_ACCESS);
    assertThat(connections.allFailedDecisively()).isTrue();
    assertThat(failures).hasSize(3);
  }

  @Test
  void theNodesOfTheMapCountAndNoOthers() {
    connections.seeds(Set.of("localhost:1"));
    establish("localhost:1");
    assertThat(connections.isConnected()).isTrue();

    connections.received(map(1, "a", "b", "c"), "localhost");
    assertThat(connections.isConnected()).isFalse();
    connections.closed("localhost:1", true);
    assertThat(connections.failure()).isNull();

    establish("a:1");
    establish("b:1");
    fail("c:1", Reason.NO_SUCH_BUCKET);
    assertThat(connections.allFailed()).isFalse();
    assertThat(connections.failure().reason()).isEqualTo(Reason.NO_SUCH_BUCKET);

    connections.received(map(2, "a", "b"), "a");
    assertThat(connections.failure()).isNull();
    fail("c:1", Reason.NO_SUCH_BUCKET);
    assertThat(connections.failure()).isNull();
    assertThat(connections.count()).isEqualTo(3);
  }

  @Test
  void anOlderMapAndOneWithoutABucketChangeNothing() {
    connections.received(map(2, "a", "b"), "a");
    fail("b:1", Reason.TLS);

    connections.received(map(1, "a"), "a");
    connections.received(map(2, "a"), "a");
    connections.received("{\"rev\":3,\"nodesExt\":[]}", "a");
    connections.received("{\"rev\":4,\"nodeLocator\":", "a");

    assertThat(connections.failure().reason()).isEqualTo(Reason.TLS);
  }

  @Test
  void aFailureIsKeptWhileANodeIsTriedAgainAndGoneOnceItIsConnected() {
    connections.seeds(Set.of("a:1"));
    fail("a:1", Reason.BAD_CREDENTIALS);
    connections.closed("a:1", false);
    connections.connecting("a:1");
    assertThat(connections.failure().reason()).isEqualTo(Reason.BAD_CREDENTIALS);

    connections.established("a:1");
    assertThat(connections.failure()).isNull();
    assertThat(connections.noneForNanos()).isZero();
  }

  @Test
  void triesThatFailDontProlongTheTimeWithoutAConnection() {
    connections.seeds(Set.of("a:1"));
    long before = System.nanoTime();
    connections.connecting("a:1");
    while (System.nanoTime() - before < 1_000_000) {
      connections.connecting("a:1");
      connections.closed("a:1", false);
    }

    assertThat(connections.noneForNanos()).isGreaterThanOrEqualTo(1_000_000);
  }
}
