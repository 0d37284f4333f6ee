// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import dev.caravan.stream.ConnectionFailure.Reason;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the connections of one session, by node: established, or failed and why. The DCP
 * client itself only logs why it can't connect and tries again, so this is where the state's error
 * comes from. Thread-safe.
 */
final class NodeConnections {
  private final int seedCount;
  private final Consumer<ConnectionFailure> onFailure;
  private final Map<String, Node> nodes = new LinkedHashMap<>();
  private volatile int count;
  private long noneSinceNanos = System.nanoTime();

  /**
   * @param seedCount how many nodes are tried at first
   * @param onFailure called on an event loop whenever a connection failed or was lost
   */
  NodeConnections(int seedCount, Consumer<ConnectionFailure> onFailure) {
    this.seedCount = seedCount;
    this.onFailure = onFailure;
  }

  synchronized void connecting(String node) {
    node(node).explained = false;
    count = nodes.size();
  }

  private Node node(String node) {
    return nodes.computeIfAbsent(node, name -> new Node());
  }

  synchronized void established(String node) {
    Node state = node(node);
    state.established = true;
    state.failure = null;
  }

  void failed(String node, ConnectionFailure failure) {
    synchronized (this) {
      Node state = node(node);
      state.established = false;
      state.explained = true;
      state.failure = failure;
    }
    onFailure.accept(failure);
  }

  /** A connection is closed, for whatever reason; keeps a reason that is known already. */
  void closed(String node, boolean wasEstablished) {
    ConnectionFailure failure =
        new ConnectionFailure(
            Reason.UNREACHABLE,
            wasEstablished
                ? "The connection to Couchbase node " + node + " was lost."
                : "Couchbase node "
                    + node
                    + " closed the connection before it was ready. Is this the port of the KV service?");
    synchronized (this) {
      Node state = node(node);
      if (!wasEstablished && state.explained) {
        return;
      }
      state.established = false;
      state.failure = failure;
      if (nodes.values().stream().noneMatch(other -> other.established)) {
        noneSinceNanos = System.nanoTime();
      }
    }
    onFailure.accept(failure);
  }

  /**
   * The worst that is known: a decisive failure first; null if all nodes are connected or still
   * being tried for the first time.
   */
  synchronized @Nullable ConnectionFailure failure() {
    ConnectionFailure result = null;
    for (Node node : nodes.values()) {
      if (node.failure != null && (result == null || node.failure.isDecisive())) {
        result = node.failure;
      }
    }
    return result;
  }

  /** How many nodes there are connections to, or attempts. */
  int count() {
    return count;
  }

  /** Whether every seed node has been tried and has failed. */
  synchronized boolean allFailed() {
    return nodes.size() >= seedCount
        && nodes.values().stream().allMatch(node -> node.failure != null);
  }

  /** For how long there has been no connection to any node, in nanoseconds; 0 if there is one. */
  synchronized long noneForNanos() {
    return nodes.values().stream().anyMatch(node -> node.established)
        ? 0
        : System.nanoTime() - noneSinceNanos;
  }

  private static final class Node {
    private boolean established;

    /** Kept while the client tries again, until a connection stands. */
    private @Nullable ConnectionFailure failure;

    /** Whether the failure is of the latest attempt. */
    private boolean explained;
  }
}
