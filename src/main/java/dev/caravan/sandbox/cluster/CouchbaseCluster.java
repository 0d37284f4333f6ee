// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import dev.caravan.sandbox.kv.auth.Accounts;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.ClusterConfig;
import dev.caravan.sandbox.kv.bucket.VBucketMap;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Several {@link CouchbaseNode}s with the vBuckets of the buckets and their replicas. It does on
 * command what a cluster manager does.
 *
 * <p>Documents are written through {@link #bucket} whether or not their node runs. A node that is
 * failed over leaves the cluster and serves no client until a rebalance adds it. Thread-safe: the
 * monitor makes one change of the topology at a time.
 */
public final class CouchbaseCluster implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CouchbaseCluster.class);

  private final ClusterState state;
  private final List<CouchbaseNode> nodes;
  private final @Nullable IntFunction<String> hostNames;
  private int rebalances;

  private CouchbaseCluster(
      ClusterState state, List<CouchbaseNode> nodes, @Nullable IntFunction<String> hostNames) {
    this.state = state;
    this.nodes = List.copyOf(nodes);
    this.hostNames = hostNames;
  }

  public static Builder builder() {
    return new Builder();
  }

  /** All nodes in the order of their numbers, also those that don't run or were failed over. */
  public List<CouchbaseNode> nodes() {
    return nodes;
  }

  /**
   * The node of this number.
   *
   * @throws IllegalArgumentException when there is none
   */
  public CouchbaseNode node(int number) {
    if (number < 0 || number >= nodes.size()) {
      throw new IllegalArgumentException(
          "there is no node " + number + "; the nodes are 0 to " + (nodes.size() - 1));
    }
    return nodes.get(number);
  }

  /** The numbers of the nodes that are in the cluster, running or not. */
  public List<Integer> members() {
    return state.config().memberNumbers();
  }

  /** The connection string of all nodes: {@code couchbase://host:port,host:port}. */
  public String connectionString() {
    return nodes.stream()
        .map(node -> hostName(node) + ":" + node.port())
        .collect(Collectors.joining(",", "couchbase://", ""));
  }

  private String hostName(CouchbaseNode node) {
    return hostNames == null ? node.host() : hostNames.apply(node.number());
  }

  /**
   * The bucket of this name.
   *
   * @throws IllegalArgumentException when there is none
   */
  public Bucket bucket(String name) {
    return state.bucket(name);
  }

  public List<String> bucketNames() {
    return List.copyOf(state.bucketNames());
  }

  /**
   * All writes to the bucket of this name.
   *
   * @throws IllegalArgumentException when there is no such bucket
   * @throws IllegalStateException unless {@link Builder#recordHistory} was called
   */
  public History history(String bucketName) {
    return state.history(bucketName);
  }

  /** Deletes a bucket, disconnects its clients, and makes an empty one of the same name. */
  public synchronized Bucket recreateBucket(String name) {
    Bucket dropped = state.remove(name);
    nodes.forEach(node -> node.disconnect(dropped));
    return state.add(state.newBucket(name, dropped.isEphemeral()));
  }

  /**
   * Sets the cluster up again under the same addresses: like {@link #recreateBucket}, but the
   * revisions of its map begin again, so that clients may know a newer one.
   */
  public synchronized Bucket setUpAgain(String name) {
    Bucket dropped = state.remove(name);
    state.config().beginAgain();
    nodes.forEach(node -> node.disconnect(dropped));
    return state.add(state.newBucket(name, dropped.isEphemeral()));
  }

  /**
   * Takes a node out of the cluster: its vBuckets become active where they have replicas, on a new
   * branch of their history. Nothing is lost unless a replica is behind, see {@link
   * Bucket#stopReplication}; what it had not received is.
   *
   * @throws IllegalStateException when the node is out already, or a vBucket has no replica on a
   *     node that runs; nothing is changed then
   */
  public synchronized void failOver(int number) {
    CouchbaseNode node = node(number);
    if (!state.config().isMember(number)) {
      throw new IllegalStateException("node " + number + " is not in the cluster; rebalance first");
    }
    List<Bucket> buckets = state.buckets();
    List<VBucketMap> maps =
        buckets.stream()
            .map(bucket -> bucket.map().without(number, other -> node(other).isRunning()))
            .toList();
    admit(members().stream().filter(member -> member != number).toList());
    for (int i = 0; i < buckets.size(); i++) {
      buckets.get(i).failOver(maps.get(i));
    }
    publish();
    node.disconnectAll();
  }

  /**
   * Fails a node over to replicas that receive nothing for a while before, so that the writes of
   * that time are lost. All other replicas are up to date afterwards.
   *
   * @param behind zero or more; the call takes this time
   */
  public void failOver(int number, Duration behind) throws InterruptedException {
    List<Integer> others = members().stream().filter(member -> member != number).toList();
    List<Bucket> buckets = state.buckets();
    buckets.forEach(bucket -> others.forEach(bucket::stopReplication));
    try {
      TimeUnit.NANOSECONDS.sleep(behind.toNanos());
      failOver(number);
    } finally {
      buckets.forEach(bucket -> others.forEach(bucket::resumeReplication));
    }
  }

  /**
   * Kills the process of a node, which starts again at once if it ran: its vBuckets go on with what
   * it had persisted, see {@link Bucket#stopPersistence}, on a new branch of their history.
   *
   * @throws IOException when another program took its port meanwhile
   */
  public synchronized void crash(int number) throws IOException {
    CouchbaseNode node = node(number);
    boolean ran = node.isRunning();
    node.stop();
    state.buckets().forEach(bucket -> bucket.crash(number));
    if (ran) {
      node.start();
    }
  }

  /** Rebalances over all nodes that run. */
  public synchronized void rebalance() {
    rebalance(nodes.stream().filter(CouchbaseNode::isRunning).map(CouchbaseNode::number).toList());
  }

  /**
   * Spreads the vBuckets over these nodes, which are those of the cluster from then on. Every
   * rebalance starts with another node, so that vBuckets move even if the nodes stay the same.
   * Streams of those that move end; replicas are up to date afterwards.
   *
   * @throws IllegalArgumentException when there is none, or one of them doesn't run
   */
  public synchronized void rebalance(List<Integer> numbers) {
    if (numbers.isEmpty()) {
      throw new IllegalArgumentException("a cluster needs a node; start one before a rebalance");
    }
    for (int number : numbers) {
      if (!node(number).isRunning()) {
        throw new IllegalArgumentException(
            "node " + number + " doesn't run; start it or rebalance without it");
      }
    }
    List<Integer> leaving = members().stream().filter(member -> !numbers.contains(member)).toList();
    rebalances++;
    admit(numbers);
    for (Bucket bucket : state.buckets()) {
      bucket.move(VBucketMap.spread(bucket.vbucketCount(), numbers, state.replicas(), rebalances));
    }
    publish();
    leaving.forEach(number -> node(number).disconnectAll());
  }

  private void admit(List<Integer> numbers) {
    state.config().members(numbers.stream().map(number -> member(node(number))).toList());
  }

  private ClusterConfig.Member member(CouchbaseNode node) {
    return new ClusterConfig.Member(node.number(), hostName(node), node.port());
  }

  private void publish() {
    state.config().renew();
    for (Bucket bucket : state.buckets()) {
      ClusterConfig.Revision revision = state.config().renew(bucket);
      members().forEach(number -> node(number).push(bucket, revision));
    }
  }

  /** Breaks all connections to all nodes; clients can connect again at once. */
  public void disconnectAll() {
    nodes.forEach(CouchbaseNode::disconnectAll);
  }

  @Override
  public void close() {
    nodes.forEach(CouchbaseNode::close);
    try {
      state.closeHistories();
    } catch (IOException e) {
      LOG.warn("Can't delete the temporary files of the history", e);
    }
  }

  /** The settings of a cluster. Not thread-safe. */
  public static final class Builder extends ServerBuilder<Builder> {
    private static final int MAX_REPLICAS = 3;
    private static final int SAME_PORT_ATTEMPTS = 10;

    private final List<String> ephemeralBuckets = new ArrayList<>();
    private String host = "127.0.0.1";
    private int port;
    private int nodes = 3;
    private int replicas = 1;
    private boolean history;
    private @Nullable IntFunction<String> hostNames;

    private Builder() {}

    @Override
    Builder self() {
      return this;
    }

    /**
     * The address that node 0 listens on; 127.0.0.1 by default. If it is a loopback address, each
     * other node listens on the next one, 127.0.0.2 and so on, otherwise on the same.
     */
    public Builder host(String value) {
      host = value;
      return this;
    }

    /**
     * The port of all nodes, as in a real cluster. Where they share an address, node 0 has it and
     * the others have the next ones. 0, the default, takes a free one.
     */
    public Builder port(int value) {
      port = value;
      return this;
    }

    /**
     * How many nodes there are: 3 by default.
     *
     * @throws IllegalArgumentException unless it is positive
     */
    public Builder nodes(int value) {
      if (value < 1) {
        throw new IllegalArgumentException("nodes must be 1 or more, was " + value);
      }
      nodes = value;
      return this;
    }

    /**
     * How many replicas each vBucket has: 1 by default. There are fewer if there are too few nodes.
     *
     * @throws IllegalArgumentException unless it is 0 to 3
     */
    public Builder replicas(int value) {
      if (value < 0 || value > MAX_REPLICAS) {
        throw new IllegalArgumentException(
            "replicas must be 0 to " + MAX_REPLICAS + ", was " + value);
      }
      replicas = value;
      return this;
    }

    /** Adds a bucket of the ephemeral type, and a user of its name with an empty password. */
    public Builder ephemeralBucket(String name) {
      ephemeralBuckets.add(name);
      return this;
    }

    /**
     * Puts host names instead of addresses into the cluster map, so that each client can resolve
     * them differently.
     *
     * @param names returns the host name for the number of a node
     */
    public Builder hostNames(IntFunction<String> names) {
      hostNames = names;
      return this;
    }

    /** Records all that is written and lost in temporary files, for {@link #history}. */
    public Builder recordHistory() {
      history = true;
      return this;
    }

    /**
     * Starts all nodes.
     *
     * @throws IOException when one of them can't listen on its address or port
     */
    public CouchbaseCluster start() throws IOException {
      ClusterState state = new ClusterState(vbuckets, replicas, history, limits, new Accounts());
      List<CouchbaseNode> started = bind(state);
      CouchbaseCluster cluster = new CouchbaseCluster(state, started, hostNames);
      cluster.admit(IntStream.range(0, nodes).boxed().toList());
      buckets.forEach(name -> state.add(state.newBucket(name, false)));
      ephemeralBuckets.forEach(name -> state.add(state.newBucket(name, true)));
      started.forEach(CouchbaseNode::accept);
      return cluster;
    }

    /** Binds all nodes, to the same free port if there is one on all their addresses. */
    private List<CouchbaseNode> bind(ClusterState state) throws IOException {
      NodeHosts hosts = NodeHosts.of(host, nodes);
      if (port == 0 && hosts.areDistinct()) {
        for (int attempt = 0; attempt < SAME_PORT_ATTEMPTS; attempt++) {
          try {
            return bind(state, hosts, true);
          } catch (IOException taken) {
            LOG.debug("The nodes can't have the same port: {}", taken.getMessage());
          }
        }
      }
      return bind(state, hosts, hosts.areDistinct() && port != 0);
    }

    private List<CouchbaseNode> bind(ClusterState state, NodeHosts hosts, boolean samePort)
        throws IOException {
      List<CouchbaseNode> bound = new ArrayList<>();
      try {
        int next = port;
        for (int number = 0; number < nodes; number++) {
          CouchbaseNode node =
              new CouchbaseNode(state, number, hosts.host(number), next, idleTimeout);
          bound.add(node);
          next = samePort ? node.port() : port == 0 ? 0 : port + number + 1;
        }
        return bound;
      } catch (IOException e) {
        bound.forEach(CouchbaseNode::close);
        throw e;
      }
    }
  }
}
