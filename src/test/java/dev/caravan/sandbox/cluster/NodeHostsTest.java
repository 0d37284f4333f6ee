// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.sandbox.RawClient;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Each node of a cluster has a loopback address of its own, and all have the same port. */
class NodeHostsTest {
  @Test
  void theNodesOfAClusterDifferInTheirAddressAndNotInTheirPort() throws IOException {
    try (CouchbaseCluster cluster =
            CouchbaseCluster.builder().nodes(3).vbuckets(4).bucket("default").start();
        RawClient client = RawClient.ready(cluster.node(2), "default")) {
      assertThat(cluster.nodes())
          .extracting(CouchbaseNode::host)
          .containsExactly("127.0.0.1", "127.0.0.2", "127.0.0.3");
      int port = cluster.node(0).port();
      assertThat(cluster.nodes()).extracting(CouchbaseNode::port).containsOnly(port);
      assertThat(client.call(0xb5, "", "").text())
          .contains(
              "\"serverList\":[\"127.0.0.1:%d\",\"127.0.0.2:%d\",\"127.0.0.3:%d\"]"
                  .formatted(port, port, port));
      assertThat(cluster.connectionString())
          .isEqualTo(
              "couchbase://127.0.0.1:%d,127.0.0.2:%d,127.0.0.3:%d".formatted(port, port, port));
    }
  }

  @Test
  void twoClustersFindPortsOfTheirOwn() throws IOException {
    try (CouchbaseCluster one = CouchbaseCluster.builder().nodes(2).vbuckets(4).start();
        CouchbaseCluster other = CouchbaseCluster.builder().nodes(2).vbuckets(4).start()) {
      assertThat(other.node(1).port()).isNotEqualTo(one.node(1).port());
      assertThatThrownBy(() -> CouchbaseCluster.builder().nodes(2).port(one.node(0).port()).start())
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith("can't listen on 127.0.0.1:" + one.node(0).port());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1, 1, 127.0.0.1, true",
    "127.0.0.7, 3, 127.0.0.9, true",
    "127.0.0.255, 2, 127.0.1.0, true",
    "localhost, 2, 127.0.0.2, true",
    "0.0.0.0, 2, 0.0.0.0, false",
    "::1, 2, ::1, false",
  })
  void onlyLoopbackAddressesAreCountedUp(String first, int nodes, String last, boolean distinct)
      throws IOException {
    NodeHosts hosts = NodeHosts.of(first, nodes);
    assertThat(hosts.host(nodes - 1)).isEqualTo(last);
    assertThat(hosts.areDistinct()).isEqualTo(distinct);
  }
}
