// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import dev.caravan.sandbox.Bucket;
import dev.caravan.sandbox.CouchbaseCluster;
import dev.caravan.sandbox.CouchbaseNode;
import dev.caravan.sandbox.History;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * A sandbox of three nodes with a replica of each vBucket as a target. Thread-safe.
 *
 * <p>It doesn't purge, flush or recreate at random: those take deletions, or all documents, away
 * without a trace for whoever was not there, so no topic could be right afterwards.
 */
final class ChaosSandbox implements ChaosTarget {
  private static final String BUCKET = "chaos";
  private static final int NODES = 3;
  private static final int MAX_MILLIS = 2000;
  private static final int MAX_DELAY_MILLIS = 300;

  private final CouchbaseCluster cluster;
  private final Bucket bucket;

  private ChaosSandbox(CouchbaseCluster cluster) {
    this.cluster = cluster;
    this.bucket = cluster.bucket(BUCKET);
  }

  static ChaosSandbox start(int vbuckets) throws IOException {
    return new ChaosSandbox(
        CouchbaseCluster.builder()
            .nodes(NODES)
            .replicas(1)
            .vbuckets(vbuckets)
            .bucket(BUCKET)
            .recordHistory()
            .start());
  }

  @Override
  public void upsert(String documentId, String json) {
    bucket.upsert(documentId, json);
  }

  @Override
  public void delete(String documentId) {
    bucket.delete(documentId);
  }

  @Override
  public List<ChaosWrite> writes() throws IOException {
    List<ChaosWrite> writes = new ArrayList<>();
    for (History.Entry entry : cluster.history(BUCKET).entries()) {
      writes.add(
          new ChaosWrite(
              entry.key(),
              entry.vbucket(),
              entry.vbuuid(),
              entry.seqno(),
              entry.cas(),
              entry.lost()));
    }
    return writes;
  }

  @Override
  public Map<String, String> connectorConfig() {
    return Map.of(
        "couchbase.nodes",
        cluster.connectionString(),
        "couchbase.bucket",
        BUCKET,
        "couchbase.username",
        CouchbaseNode.ADMINISTRATOR,
        "couchbase.password",
        CouchbaseNode.ADMINISTRATOR_PASSWORD);
  }

  @Override
  public List<ChaosFault> faults() {
    return List.of(
        new ChaosFault("failover", random -> failOver(random, 0)),
        new ChaosFault("failover with loss", random -> failOver(random, MAX_MILLIS)),
        new ChaosFault("rebalance", this::rebalance),
        new ChaosFault("node down", this::nodeDown),
        new ChaosFault("connections cut", this::cut),
        new ChaosFault("connections half-open", this::halfOpen),
        new ChaosFault("node slow", this::slow),
        new ChaosFault("disk stuck", this::diskStuck));
  }

  private static int millis(Random random) {
    return random.nextInt(MAX_MILLIS);
  }

  /** Fails a node over, and takes it in again after a while. */
  private String failOver(Random random, int maxBehindMillis) throws InterruptedException {
    int node = random.nextInt(NODES);
    int behind = maxBehindMillis == 0 ? 0 : random.nextInt(maxBehindMillis);
    cluster.failOver(node, Duration.ofMillis(behind));
    int out = millis(random);
    TimeUnit.MILLISECONDS.sleep(out);
    cluster.rebalance();
    return "node "
        + node
        + ", its replicas "
        + behind
        + " ms behind, in again after "
        + out
        + " ms";
  }

  /** Moves the vBuckets to some of the nodes, and after a while over all of them. */
  private String rebalance(Random random) throws InterruptedException {
    int without = random.nextInt(NODES);
    List<Integer> some = new ArrayList<>(cluster.members());
    some.remove((Integer) without);
    cluster.rebalance(some);
    int out = millis(random);
    TimeUnit.MILLISECONDS.sleep(out);
    cluster.rebalance();
    return "to nodes " + some + ", and over all after " + out + " ms";
  }

  private String nodeDown(Random random) throws IOException, InterruptedException {
    CouchbaseNode node = node(random);
    int down = millis(random);
    node.stop();
    TimeUnit.MILLISECONDS.sleep(down);
    node.start();
    return "node " + node.number() + " for " + down + " ms";
  }

  private String cut(Random random) {
    CouchbaseNode node = node(random);
    node.disconnectAll();
    return "to node " + node.number();
  }

  private String halfOpen(Random random) {
    CouchbaseNode node = node(random);
    node.halfOpen();
    return "to node " + node.number();
  }

  private String slow(Random random) throws InterruptedException {
    CouchbaseNode node = node(random);
    int delay = random.nextInt(MAX_DELAY_MILLIS);
    int during = millis(random);
    node.delay(Duration.ofMillis(delay));
    TimeUnit.MILLISECONDS.sleep(during);
    node.delay(Duration.ZERO);
    return "node " + node.number() + " by " + delay + " ms for " + during + " ms";
  }

  private String diskStuck(Random random) throws InterruptedException {
    int node = random.nextInt(NODES);
    int during = millis(random);
    bucket.stopPersistence(node);
    TimeUnit.MILLISECONDS.sleep(during);
    bucket.resumePersistence(node);
    return "of node " + node + " for " + during + " ms";
  }

  private CouchbaseNode node(Random random) {
    return cluster.node(random.nextInt(NODES));
  }

  @Override
  public void close() {
    cluster.close();
  }
}
