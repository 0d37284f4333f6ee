// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.cluster;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.caravan.stream.cluster.ConnectionFailure.Reason;
import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections of one session, by node: established, or failed and why. The DCP client itself
 * only logs why it can't connect and tries again, so this is where the state's error comes from.
 *
 * <p>What counts are the nodes of the current cluster map, and the seed nodes until there is a map.
 * A node that is in neither is forgotten: it was rebalanced out or failed over, or the map has
 * another name for it.
 *
 * <p>Thread-safe.
 */
public final class NodeConnections {
  private static final Logger LOG = LoggerFactory.getLogger(NodeConnections.class);

  private final Consumer<ConnectionFailure> onFailure;
  private final Map<String, Node> nodes = new HashMap<>();
  private List<Set<String>> members = List.of();
  private ClusterMap.Revision revision = ClusterMap.Revision.NONE;
  private volatile @Nullable ClusterMap map;
  private volatile int count = 1;
  private boolean anyEstablished;
  private long noneSinceNanos = System.nanoTime();

  /**
   * @param onFailure called on an event loop whenever a connection failed or was lost
   */
  public NodeConnections(Consumer<ConnectionFailure> onFailure) {
    this.onFailure = onFailure;
  }

  /**
   * Sets which nodes are tried at first, before any of them is.
   *
   * @param addresses as the client has them
   */
  public synchronized void seeds(Collection<String> addresses) {
    setMembers(addresses.stream().map(Set::of).toList());
  }

  /**
   * Takes a cluster map, if it is newer than the last one.
   *
   * @param origin the host by which the node was reached that sent it
   */
  public synchronized void received(String json, String origin) {
    ClusterMap.Revision given = ClusterMap.Revision.of(json);
    if (!given.isNewerThan(revision)) {
      return;
    }
    revision = given;
    // The client counts a map without vBuckets as a revision, and otherwise ignores it.
    if (!ClusterMap.isOfBucket(json)) {
      return;
    }
    try {
      ClusterMap parsed = ClusterMap.parse(json, origin);
      map = parsed;
      if (!parsed.nodes().isEmpty()) {
        setMembers(parsed.nodes());
      }
    } catch (JsonProcessingException e) {
      LOG.warn("Couchbase node {} sent a cluster map that can't be read: {}", origin, e.toString());
    } catch (IOException e) {
      throw new IllegalStateException("Text was not read from memory.", e);
    }
  }

  private void setMembers(List<Set<String>> changed) {
    members = List.copyOf(changed);
    nodes.keySet().removeIf(address -> !isMember(address));
    // Never less: what a node has sent is still being worked on when it leaves.
    count = Math.max(count, members.size());
    noteEstablished();
  }

  private boolean isMember(String address) {
    return members.stream().anyMatch(member -> member.contains(address));
  }

  /** The last map; null until there is one. */
  public @Nullable ClusterMap map() {
    return map;
  }

  public synchronized void connecting(String address) {
    if (isMember(address)) {
      node(address).explained = false;
    }
  }

  private Node node(String address) {
    return nodes.computeIfAbsent(address, name -> new Node());
  }

  public synchronized void established(String address) {
    if (isMember(address)) {
      Node state = node(address);
      state.established = true;
      state.failure = null;
      noteEstablished();
    }
  }

  public void failed(String address, ConnectionFailure failure) {
    synchronized (this) {
      if (!isMember(address)) {
        return;
      }
      node(address).explained = true;
      noteFailure(address, failure);
    }
    onFailure.accept(failure);
  }

  /** A connection is closed, for whatever reason; keeps a reason that is known already. */
  public void closed(String address, boolean wasEstablished) {
    ConnectionFailure failure =
        new ConnectionFailure(
            Reason.UNREACHABLE,
            wasEstablished
                ? "The connection to Couchbase node " + address + " was lost."
                : "Couchbase node "
                    + address
                    + " closed the connection before it was ready. Is this the port of the KV"
                    + " service?");
    synchronized (this) {
      if (!isMember(address) || (!wasEstablished && node(address).explained)) {
        return;
      }
      noteFailure(address, failure);
    }
    onFailure.accept(failure);
  }

  private void noteFailure(String address, ConnectionFailure failure) {
    Node state = node(address);
    state.established = false;
    state.failure = failure;
    noteEstablished();
  }

  private void noteEstablished() {
    boolean any = nodes.values().stream().anyMatch(node -> node.established);
    if (anyEstablished && !any) {
      noneSinceNanos = System.nanoTime();
    }
    anyEstablished = any;
  }

  /** The state of each member; null for one that was not tried yet. */
  private Stream<@Nullable Node> states() {
    return members.stream()
        .map(
            member ->
                member.stream().map(nodes::get).filter(Objects::nonNull).findFirst().orElse(null));
  }

  /**
   * The worst that is known: a decisive failure first; null if all nodes are connected or still
   * being tried for the first time.
   */
  public synchronized @Nullable ConnectionFailure failure() {
    ConnectionFailure result = null;
    for (Node node : nodes.values()) {
      if (node.failure != null && (result == null || node.failure.isDecisive())) {
        result = node.failure;
      }
    }
    return result;
  }

  /** The largest number of nodes that there have been connections to, or attempts, at a time. */
  public int count() {
    return count;
  }

  /** Whether every node has been tried and has failed. */
  public synchronized boolean allFailed() {
    return !members.isEmpty() && states().allMatch(node -> node != null && node.failure != null);
  }

  /** Whether every node has failed in a way that another try won't mend. */
  public synchronized boolean allFailedDecisively() {
    return !members.isEmpty()
        && states()
            .allMatch(node -> node != null && node.failure != null && node.failure.isDecisive());
  }

  /** Whether there is a connection to at least one node. */
  public synchronized boolean isConnected() {
    return anyEstablished;
  }

  /** Whether there is a connection to a node that has one of these addresses. */
  public synchronized boolean isConnected(Set<String> addresses) {
    for (String address : addresses) {
      Node node = nodes.get(address);
      if (node != null && node.established) {
        return true;
      }
    }
    return false;
  }

  /** For how long there has been no connection to any node, in nanoseconds; 0 if there is one. */
  public synchronized long noneForNanos() {
    return anyEstablished ? 0 : System.nanoTime() - noneSinceNanos;
  }

  private static final class Node {
    private boolean established;

    /** Kept while the client tries again, until a connection stands. */
    private @Nullable ConnectionFailure failure;

    /** Whether the failure is of the latest attempt. */
    private boolean explained;
  }
}
