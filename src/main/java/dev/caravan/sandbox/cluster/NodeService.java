// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import dev.caravan.sandbox.kv.auth.Accounts;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.ClusterConfig;
import dev.caravan.sandbox.kv.bucket.ServedBucket;
import dev.caravan.sandbox.kv.commands.KvConnection;
import dev.caravan.sandbox.kv.commands.KvNode;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** The part of a node that its connections use. It knows all of them. Thread-safe. */
final class NodeService implements KvNode {
  private final ClusterState cluster;
  private final int number;
  private final Duration idleTimeout;
  private final Set<KvConnection> connections = ConcurrentHashMap.newKeySet();
  private final LongAdder requests = new LongAdder();
  private final Set<String> unloaded = ConcurrentHashMap.newKeySet();
  private volatile CouchbaseNode.Refusal refusal = CouchbaseNode.Refusal.NOTHING;

  NodeService(ClusterState cluster, int number, Duration idleTimeout) {
    this.cluster = cluster;
    this.number = number;
    this.idleTimeout = idleTimeout;
  }

  @Override
  public int number() {
    return number;
  }

  @Override
  public Accounts accounts() {
    return cluster.accounts();
  }

  @Override
  public ClusterConfig clusterConfig() {
    return cluster.config();
  }

  @Override
  public Duration idleTimeout() {
    return idleTimeout;
  }

  void refuse(CouchbaseNode.Refusal changed) {
    refusal = changed;
  }

  @Override
  public boolean refusesLogins() {
    return refusal == CouchbaseNode.Refusal.LOGIN;
  }

  @Override
  public boolean refusesAccess() {
    return refusal == CouchbaseNode.Refusal.ACCESS;
  }

  void unload(String bucketName) {
    unloaded.add(bucketName);
  }

  void load(String bucketName) {
    unloaded.remove(bucketName);
  }

  /** A node that was failed over serves no bucket. */
  @Override
  public @Nullable ServedBucket findBucket(String name) {
    if (!cluster.config().isMember(number) || unloaded.contains(name)) {
      return null;
    }
    Bucket bucket = cluster.find(name);
    return bucket == null ? null : bucket.servedBy(number);
  }

  @Override
  public List<String> bucketNames() {
    return cluster.bucketNames().stream().filter(name -> findBucket(name) != null).toList();
  }

  @Override
  public boolean publish(Bucket bucket, ClusterConfig.Revision revision) {
    boolean accepted = cluster.config().accept(bucket, revision);
    if (accepted) {
      push(bucket, revision);
    }
    return accepted;
  }

  /** Sends a new map to the clients that asked for it. */
  void push(Bucket bucket, ClusterConfig.Revision revision) {
    connections.forEach(connection -> connection.push(bucket, revision));
  }

  /** Breaks the connections that use a bucket. */
  void disconnect(Bucket bucket) {
    connections.stream().filter(connection -> connection.uses(bucket)).forEach(KvConnection::close);
  }

  @Override
  public void requested() {
    requests.increment();
  }

  /** How many requests clients have sent since the node was made. */
  long requestCount() {
    return requests.sum();
  }

  @Override
  public void connected(KvConnection connection) {
    connections.add(connection);
  }

  @Override
  public void disconnected(KvConnection connection) {
    connections.remove(connection);
  }
}
