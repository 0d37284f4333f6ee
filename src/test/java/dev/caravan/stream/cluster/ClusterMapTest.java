// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is read from a cluster map. */
@Tag("unit")
class ClusterMapTest {
  private static ClusterMap map(String json) throws IOException {
    return ClusterMap.parse(json.replace('\'', '"'), "origin");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'bucketType':'ephemeral','bucketCapabilities':['dcp']}",
        "{'bucketCapabilities':['dcp','xattr']}"
      })
  void ephemeralBuckets(String json) throws IOException {
    assertThat(map(json).isEphemeral()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'bucketType':'membase','bucketCapabilities':['dcp']}",
        "{'bucketCapabilities':['couchapi','dcp']}",
        "{'rev':1}"
      })
  void bucketsThatAreKeptOnDisk(String json) throws IOException {
    assertThat(map(json).isEphemeral()).isFalse();
  }

  @Test
  void aNodeHasItsAddressesInEveryNetwork() throws IOException {
    ClusterMap map =
        map(
            "{'nodesExt':["
                + "{'hostname':'10.0.0.1','services':{'kv':11210,'kvSSL':11207},"
                + "'alternateAddresses':{'external':{'hostname':'one','ports':{'kv':31210}}}},"
                + "{'hostname':'10.0.0.2','services':{'n1ql':8093}},"
                + "{'services':{'kv':11210}},"
                + "{'hostname':'::1','services':{'kv':11210}}]}");

    assertThat(map.nodes())
        .containsExactly(
            Set.of(
                "10.0.0.1:11210",
                "10.0.0.1:11207",
                "10.0.0.1:31210",
                "one:11210",
                "one:11207",
                "one:31210"),
            Set.of("origin:11210"),
            Set.of("[0:0:0:0:0:0:0:1]:11210"));
  }

  @Test
  void theActiveNodeIsTheFirstOfTheVBucketsRow() throws IOException {
    ClusterMap map =
        map(
            "{'nodesExt':[{'hostname':'a','services':{'mgmt':8091}},{'hostname':'b','services':{'kv':1}}],"
                + "'vBucketServerMap':{'vBucketMap':[[1,-1],[-1,1],[7]]}}");

    assertThat(map.activeNode(0)).containsExactly("b:1");
    assertThat(map.activeNode(1)).isEmpty();
    assertThat(map.activeNode(2)).isEmpty();
    assertThat(map.activeNode(3)).isEmpty();
  }

  @Test
  void theEpochDecidesWhichMapIsNewerThenTheNumber() {
    ClusterMap.Revision first = ClusterMap.Revision.of("{\"rev\":7,\"revEpoch\":1}");

    assertThat(ClusterMap.Revision.of("{\"rev\": 8, \"revEpoch\": 1}").isNewerThan(first)).isTrue();
    assertThat(ClusterMap.Revision.of("{\"revEpoch\":2,\"rev\":1}").isNewerThan(first)).isTrue();
    assertThat(ClusterMap.Revision.of("{\"rev\":7,\"revEpoch\":1}").isNewerThan(first)).isFalse();
    assertThat(ClusterMap.Revision.of("{\"rev\":9}").isNewerThan(first)).isFalse();
    assertThat(first.isNewerThan(ClusterMap.Revision.NONE)).isTrue();
  }
}
