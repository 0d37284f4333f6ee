// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import dev.caravan.cli.chaos.audit.ChaosAudit;
import dev.caravan.cli.chaos.audit.ChaosWrite;
import dev.caravan.sandbox.TcpProxy;
import dev.caravan.sandbox.cluster.CouchbaseCluster;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.cluster.History;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A sandbox as the target: three nodes with one replica of each vBucket. Each worker has its own
 * proxies to the nodes, at its own addresses. The cluster map has the names of the nodes, and each
 * worker's hosts file maps these names to its proxies. Thread-safe.
 */
final class ChaosSandbox implements ChaosTarget {
  private static final Logger LOG = LoggerFactory.getLogger(ChaosSandbox.class);
  private static final String BUCKET = "chaos";
  private static final int NODES = 3;
  private static final int MAX_MILLIS = 2000;
  private static final int MAX_DELAY_MILLIS = 300;

  private final CouchbaseCluster cluster;
  private final List<Long> branches = new CopyOnWriteArrayList<>();
  private final List<ChaosAudit.Purge> purges = new CopyOnWriteArrayList<>();
  private final Map<Integer, NetworkPath> paths = new ConcurrentHashMap<>();

  /** Guarded by the monitor, so that nothing is written to a deleted bucket. */
  private Bucket bucket;

  private ChaosSandbox(CouchbaseCluster cluster) {
    this.cluster = cluster;
    this.bucket = cluster.bucket(BUCKET);
  }

  static ChaosSandbox start(int vbuckets) throws IOException {
    return new ChaosSandbox(
        CouchbaseCluster.builder()
            .nodes(NODES)
            .hostNames(ChaosSandbox::hostName)
            .replicas(1)
            .vbuckets(vbuckets)
            .bucket(BUCKET)
            .recordHistory()
            .start());
  }

  private static String hostName(int node) {
    return "node" + node + ".chaos";
  }

  @Override
  public NetworkPath path(int worker) {
    return paths.computeIfAbsent(worker, this::makePath);
  }

  private NetworkPath makePath(int worker) {
    List<TcpProxy> proxies = new ArrayList<>();
    Map<String, String> hosts = new HashMap<>();
    try {
      for (CouchbaseNode node : cluster.nodes()) {
        String address = "127.1." + (worker + 1) + "." + (node.number() + 1);
        proxies.add(new TcpProxy(address, node.port()).open(node.host(), node.port()));
        hosts.put(hostName(node.number()), address);
      }
      return new NetworkPath(hosts, proxies);
    } catch (IOException e) {
      // Only Linux has all addresses of 127.0.0.0/8.
      LOG.warn("There will be no network faults between workers and Couchbase: {}", e.toString());
      proxies.forEach(TcpProxy::close);
      cluster.nodes().forEach(node -> hosts.put(hostName(node.number()), node.host()));
      return new NetworkPath(hosts, List.of());
    }
  }

  @Override
  public synchronized void upsert(String documentId, String json) {
    bucket.upsert(documentId, json);
  }

  @Override
  public synchronized void delete(String documentId) {
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
              entry.operation() != History.Operation.MUTATION,
              entry.lost()));
    }
    return writes;
  }

  @Override
  public List<ChaosAudit.Purge> purges() {
    return List.copyOf(purges);
  }

  @Override
  public List<Long> branches() {
    return List.copyOf(branches);
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
        new ChaosFault("disk stuck", this::diskStuck),
        new ChaosFault("purge", this::purge),
        new ChaosFault("bucket recreated", this::recreate));
  }

  private static int millis(Random random) {
    return random.nextInt(MAX_MILLIS);
  }

  /** Fails a node over, and adds it back later. */
  private String failOver(Random random, int maxBehindMillis) throws InterruptedException {
    int node = random.nextInt(NODES);
    int behind = maxBehindMillis == 0 ? 0 : random.nextInt(maxBehindMillis);
    branches.add(System.currentTimeMillis());
    cluster.failOver(node, Duration.ofMillis(behind));
    branches.add(System.currentTimeMillis());
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

  /** Moves the vBuckets to some of the nodes, and to all of them later. */
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
    Bucket present = bucket();
    present.stopPersistence(node);
    TimeUnit.MILLISECONDS.sleep(during);
    present.resumePersistence(node);
    return "of node " + node + " for " + during + " ms";
  }

  /** Purges tombstones, sometimes while the nodes are down and nobody can read them. */
  private String purge(Random random) throws IOException, InterruptedException {
    boolean unread = random.nextBoolean();
    int down = unread ? millis(random) : 0;
    if (unread) {
      cluster.nodes().forEach(CouchbaseNode::stop);
      TimeUnit.MILLISECONDS.sleep(down);
    }
    synchronized (this) {
      // A reader below the purge seqno rolls back.
      branches.add(System.currentTimeMillis());
      bucket.purgeTombstones();
      purges.add(
          new ChaosAudit.Purge(
              Math.toIntExact(cluster.history(BUCKET).size()), System.currentTimeMillis()));
    }
    if (unread) {
      for (CouchbaseNode node : cluster.nodes()) {
        node.start();
      }
    }
    return unread ? "after all nodes were down for " + down + " ms" : "while all nodes are up";
  }

  private synchronized String recreate(Random random) {
    branches.add(System.currentTimeMillis());
    bucket = cluster.recreateBucket(BUCKET);
    branches.add(System.currentTimeMillis());
    return "empty";
  }

  private synchronized Bucket bucket() {
    return bucket;
  }

  private CouchbaseNode node(Random random) {
    return cluster.node(random.nextInt(NODES));
  }

  @Override
  public void close() {
    paths.values().forEach(path -> path.proxies().forEach(TcpProxy::close));
    cluster.close();
  }
}
