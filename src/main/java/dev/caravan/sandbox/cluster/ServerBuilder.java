// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import dev.caravan.sandbox.kv.store.VBucketLimits;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The settings that a single node and a cluster have in common. Not thread-safe.
 *
 * @param <B> the builder itself
 */
public abstract class ServerBuilder<B extends ServerBuilder<B>> {
  final List<String> buckets = new ArrayList<>();
  int vbuckets = 1024;
  VBucketLimits limits = VBucketLimits.DEFAULT;
  Duration idleTimeout = Duration.ofMinutes(6);

  ServerBuilder() {}

  abstract B self();

  /**
   * How many vBuckets each bucket has: 1024 by default.
   *
   * @throws IllegalArgumentException unless it is a power of two from 1 to 1024
   */
  public B vbuckets(int value) {
    vbuckets = ClusterState.requireVBuckets(value);
    return self();
  }

  /** Adds a bucket, and a user of its name with an empty password. */
  public B bucket(String name) {
    buckets.add(name);
    return self();
  }

  /**
   * How many entries a failover log has at most: 25 by default. A client whose vbuuid is no longer
   * in it must go back to 0.
   *
   * @throws IllegalArgumentException unless it is positive
   */
  public B failoverLogEntries(int value) {
    limits = limits.withFailoverLogEntries(value);
    return self();
  }

  /**
   * How many of its last changes a vBucket has in memory: 1000 by default. A stream that starts
   * within them, and not at 0, is sent memory snapshots; one that starts before them is sent a disk
   * snapshot first.
   *
   * @throws IllegalArgumentException if it is negative
   */
  public B changesInMemory(int value) {
    limits = limits.withChangesInMemory(value);
    return self();
  }

  /** How long a DCP client may be silent before it is disconnected: 360 s by default. */
  public B idleTimeout(Duration timeout) {
    idleTimeout = timeout;
    return self();
  }
}
