// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import dev.caravan.sandbox.kv.auth.Accounts;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.ClusterConfig;
import dev.caravan.sandbox.kv.bucket.VBucketMap;
import dev.caravan.sandbox.kv.store.Chronicle;
import dev.caravan.sandbox.kv.store.VBucketLimits;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;

/**
 * The state that the nodes of a cluster share: users, buckets, and the map of the cluster.
 *
 * <p>Thread-safe.
 */
final class ClusterState {
  private static final int MAX_VBUCKETS = 1024;

  private final int vbuckets;
  private final int replicas;
  private final boolean recordsHistory;
  private final VBucketLimits limits;
  private final Accounts accounts;
  private final ClusterConfig config = new ClusterConfig();
  private final Map<String, History> histories = new ConcurrentHashMap<>();
  private final Map<String, Bucket> buckets = new ConcurrentSkipListMap<>();

  /**
   * A cluster without nodes and buckets.
   *
   * @param vbuckets of each bucket, a power of two from 1 to 1024
   * @param replicas of each vBucket, 0 to 3; fewer if there are too few nodes
   * @param recordsHistory whether buckets have a {@link History}
   */
  ClusterState(
      int vbuckets, int replicas, boolean recordsHistory, VBucketLimits limits, Accounts accounts) {
    this.recordsHistory = recordsHistory;
    this.limits = limits;
    this.vbuckets = vbuckets;
    this.replicas = replicas;
    this.accounts = accounts;
  }

  /** Returns the number if a bucket may have this many vBuckets. */
  static int requireVBuckets(int vbuckets) {
    if (vbuckets < 1 || vbuckets > MAX_VBUCKETS || Integer.bitCount(vbuckets) != 1) {
      throw new IllegalArgumentException(
          "vbuckets must be a power of two from 1 to " + MAX_VBUCKETS + ", was " + vbuckets);
    }
    return vbuckets;
  }

  int vbuckets() {
    return vbuckets;
  }

  int replicas() {
    return replicas;
  }

  Accounts accounts() {
    return accounts;
  }

  ClusterConfig config() {
    return config;
  }

  List<Bucket> buckets() {
    return List.copyOf(buckets.values());
  }

  Set<String> bucketNames() {
    return buckets.keySet();
  }

  @Nullable Bucket find(String name) {
    return buckets.get(name);
  }

  /**
   * The bucket of this name.
   *
   * @throws IllegalArgumentException when there is none
   */
  Bucket bucket(String name) {
    Bucket bucket = buckets.get(name);
    if (bucket == null) {
      throw new IllegalArgumentException(
          "there is no bucket \"" + name + "\"; the node has " + buckets.keySet());
    }
    return bucket;
  }

  /**
   * The writes to the bucket of this name and to former buckets of that name.
   *
   * @throws IllegalStateException when the history isn't recorded
   */
  History history(String name) {
    History history = histories.get(bucket(name).name());
    if (history == null) {
      throw new IllegalStateException("the history of bucket \"" + name + "\" is not recorded");
    }
    return history;
  }

  void closeHistories() throws IOException {
    for (History history : histories.values()) {
      history.close();
    }
  }

  /** A bucket whose vBuckets are spread over the present nodes; it isn't added. */
  Bucket newBucket(String name, boolean ephemeral) {
    VBucketMap map = VBucketMap.spread(vbuckets, config.memberNumbers(), replicas, 0);
    Chronicle chronicle =
        recordsHistory
            ? histories.computeIfAbsent(name, any -> new History()).chronicle()
            : Chronicle.NONE;
    return new Bucket(name, vbuckets, replicas, ephemeral, map, limits, chronicle);
  }

  /**
   * Adds a bucket, and a user of its name with an empty password.
   *
   * @throws IllegalArgumentException when there is one of this name already
   */
  Bucket add(Bucket created) {
    if (buckets.putIfAbsent(created.name(), created) != null) {
      throw new IllegalArgumentException("bucket \"" + created.name() + "\" exists already");
    }
    accounts.addBucket(created.name());
    return created;
  }

  Bucket remove(String name) {
    Bucket dropped = bucket(name);
    buckets.remove(name);
    accounts.removeBucket(name);
    dropped.retire();
    config.forget(dropped);
    return dropped;
  }
}
