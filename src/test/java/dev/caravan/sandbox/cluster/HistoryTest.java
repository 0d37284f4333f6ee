// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.DocumentCollection;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The history lists every write, also those that were superseded or lost. */
class HistoryTest {
  private CouchbaseCluster cluster;
  private Bucket bucket;

  @BeforeEach
  void start() throws IOException {
    cluster =
        CouchbaseCluster.builder().nodes(2).vbuckets(4).bucket("default").recordHistory().start();
    bucket = cluster.bucket("default");
  }

  @AfterEach
  void stop() {
    cluster.close();
  }

  private List<String> history() throws IOException {
    return cluster.history("default").entries().stream()
        .map(
            entry ->
                "%s %s %d%s"
                    .formatted(
                        entry.operation().label(),
                        entry.key(),
                        entry.seqno(),
                        entry.lost() ? " lost" : ""))
        .toList();
  }

  @Test
  void everyWriteIsListedInOrderAlsoWhenItWasSuperseded() throws IOException {
    bucket.createScope("inventory");
    DocumentCollection airlines = bucket.createCollection("inventory", "airline");
    bucket.upsert("a", "1");
    bucket.upsert("a", "2");
    airlines.upsert("a", "3");
    bucket.delete("a");
    airlines.expire("a");
    assertThat(history())
        .containsExactly(
            "mutation a 3", "mutation a 4", "mutation a 5", "deletion a 6", "expiration a 7");
    int vbucket = bucket.vbucketOf("a");
    assertThat(cluster.history("default").entries())
        .allSatisfy(
            entry -> {
              assertThat(entry.vbucket()).isEqualTo(vbucket);
              assertThat(entry.vbuuid()).isEqualTo(bucket.vbuuid(vbucket));
              assertThat(entry.cas()).isPositive();
            })
        .extracting(History.Entry::collection)
        .containsExactly(0, 0, airlines.id(), 0, airlines.id());
  }

  @Test
  void whatAFailoverLosesIsMarkedAndWhatComesLaterIsNot() throws IOException {
    bucket.upsert("a", "1");
    int node = bucket.nodeOf(bucket.vbucketOf("a"));
    long before = bucket.vbuuid(bucket.vbucketOf("a"));
    bucket.stopReplication(1 - node);
    bucket.upsert("a", "2");
    cluster.failOver(node);
    bucket.upsert("a", "3");
    assertThat(history()).containsExactly("mutation a 1", "mutation a 2 lost", "mutation a 2");
    assertThat(cluster.history("default").entries())
        .extracting(History.Entry::vbuuid)
        .containsExactly(before, before, bucket.vbuuid(bucket.vbucketOf("a")));
  }

  /**
   * A replica that is promoted with a part of a snapshot: a version that it has not received is
   * lost, also if its seqno is below the high seqno, unless the replica has a newer one.
   */
  @Test
  void whatAPromotionInTheMiddleOfASnapshotLosesIsMarked() throws IOException {
    int vbucket = bucket.vbucketOf("a");
    String b = sibling("a", 1);
    String c = sibling("a", 2);
    int replica = 1 - bucket.nodeOf(vbucket);
    bucket.upsert("a", "1");
    bucket.stopReplication(replica);
    bucket.upsert("a", "2");
    bucket.upsert(b, "1");
    bucket.upsert(b, "2");
    bucket.upsert(c, "1");
    bucket.upsert("a", "3");
    bucket.replicatePartly(replica, 2);
    cluster.failOver(1 - replica);
    assertThat(bucket.highSeqno(vbucket)).isEqualTo(5);
    assertThat(history())
        .containsExactly(
            "mutation a 1",
            "mutation a 2 lost",
            "mutation %s 3".formatted(b),
            "mutation %s 4".formatted(b),
            "mutation %s 5".formatted(c),
            "mutation a 6 lost");
    assertThat(bucket.defaultCollection().get("a").orElseThrow()).asString().isEqualTo("1");
  }

  /** Another document of the same vBucket, the first, the second and so on. */
  private String sibling(String document, int number) {
    int found = 0;
    for (int i = 0; ; i++) {
      String candidate = "sibling-" + i;
      if (bucket.vbucketOf(candidate) == bucket.vbucketOf(document) && ++found == number) {
        return candidate;
      }
    }
  }

  @Test
  void aFailoverWithoutLossLosesNothing() throws IOException {
    bucket.upsert("a", "1");
    cluster.failOver(bucket.nodeOf(bucket.vbucketOf("a")));
    assertThat(history()).containsExactly("mutation a 1");
  }

  @Test
  void aFlushLosesEverything() throws IOException {
    bucket.upsert("a", "1");
    bucket.flush();
    bucket.upsert("b", "1");
    assertThat(history()).containsExactly("mutation a 1 lost", "mutation b 1");
  }

  @Test
  void aBucketThatIsMadeAnewGoesOnWithTheHistoryOfTheOldOne() throws IOException {
    bucket.upsert("a", "1");
    Bucket fresh = cluster.recreateBucket("default");
    fresh.upsert("b", "1");
    bucket.upsert("nobody's", "1");
    assertThat(history()).containsExactly("mutation a 1 lost", "mutation b 1");
  }

  @Test
  void aClusterThatDoesNotRecordSaysSo() throws IOException {
    try (CouchbaseCluster silent =
        CouchbaseCluster.builder().nodes(1).vbuckets(4).bucket("default").start()) {
      assertThatThrownBy(() -> silent.history("default"))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("the history of bucket \"default\" is not recorded");
    }
  }
}
