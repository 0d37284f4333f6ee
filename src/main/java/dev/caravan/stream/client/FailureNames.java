// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.dcp.core.state.NotConnectedException;
import dev.caravan.stream.cluster.ConnectionFailure;
import dev.caravan.stream.cluster.ConnectionFailure.Reason;
import dev.caravan.stream.cluster.NodeConnections;
import dev.caravan.stream.settings.SeedNodes;
import java.io.IOException;
import java.util.concurrent.TimeoutException;

/**
 * Finds the words for what ended a session: if a connection is at fault, what the connections have
 * seen is nearer to the cause than what the client reports. Immutable, but for the connections that
 * it asks.
 */
public final class FailureNames {
  private final String bucket;
  private final SeedNodes seedNodes;
  private final NodeConnections connections;

  public FailureNames(String bucket, SeedNodes seedNodes, NodeConnections connections) {
    this.bucket = bucket;
    this.seedNodes = seedNodes;
    this.connections = connections;
  }

  public ConnectionFailure named(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof ConnectionFailure named) {
        return named;
      }
    }
    Throwable root = error;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    ConnectionFailure seen = isOfConnection(root) ? connections.failure() : null;
    if (seen != null) {
      return seen;
    }
    String nodes = String.join(", ", seedNodes.hosts());
    if (root instanceof TimeoutException) {
      return new ConnectionFailure(
          Reason.UNREACHABLE, "No answer about bucket '" + bucket + "' from " + nodes + ".", root);
    }
    if (root instanceof IOException) {
      return new ConnectionFailure(
          Reason.UNREACHABLE,
          "Couchbase at " + nodes + " can't be reached: " + root.getMessage(),
          root);
    }
    if (root.getMessage() != null && root.getMessage().startsWith("Can't stream from collection")) {
      return new ConnectionFailure(
          Reason.NO_SUCH_COLLECTION, "Bucket '" + bucket + "': " + root.getMessage(), root);
    }
    return new ConnectionFailure(
        Reason.OTHER, "Bucket '" + bucket + "' can't be streamed: " + error, error);
  }

  /** Anything else has a cause of its own, even if a node can't be reached meanwhile. */
  private static boolean isOfConnection(Throwable root) {
    return root instanceof TimeoutException
        || root instanceof IOException
        || root instanceof NotConnectedException;
  }
}
