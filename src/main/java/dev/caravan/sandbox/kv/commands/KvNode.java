// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import dev.caravan.sandbox.kv.auth.Accounts;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.ClusterConfig;
import dev.caravan.sandbox.kv.bucket.ServedBucket;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The node of a connection, as far as the connection uses it. Thread-safe. */
public interface KvNode {
  /** The number of the node in its cluster. */
  int number();

  Accounts accounts();

  ClusterConfig clusterConfig();

  /** How long a DCP client may send nothing before it is disconnected. */
  Duration idleTimeout();

  /** Whether every login fails as if the password were wrong. */
  boolean refusesLogins();

  /** Whether every bucket is refused as if the user had no rights. */
  boolean refusesAccess();

  /** The bucket of this name, or null when this node doesn't serve it. */
  @Nullable ServedBucket findBucket(String name);

  /** The names of the buckets that this node serves. */
  List<String> bucketNames();

  /** Publishes a map that a client sent; returns false when the present one is newer. */
  boolean publish(Bucket bucket, ClusterConfig.Revision revision);

  /** Counts a request. */
  void requested();

  void connected(KvConnection connection);

  void disconnected(KvConnection connection);
}
