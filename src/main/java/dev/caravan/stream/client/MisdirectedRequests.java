// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import dev.caravan.stream.cluster.ConnectionFailure;
import dev.caravan.stream.cluster.ConnectionFailure.Reason;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * Detects a client whose cluster map stays wrong. The client asks the node that its map names, and
 * asks it again every 200 ms while the answer is NOT_MY_VBUCKET (dcp-client 0.56.0, {@code
 * Conductor.startStreamForPartition}). It ignores maps that are not newer than its own ({@code
 * BucketConfigArbiter.accept}), so it would ask without end if revisions begin again, as after a
 * cluster was set up again under the same addresses. A new client takes the map that it is given.
 *
 * <p>Thread-safe.
 */
public final class MisdirectedRequests {
  private final String bucket;
  private final Duration limit;
  private final Consumer<ConnectionFailure> onFailure;
  private final Map<Integer, Long> sinceNanos = new ConcurrentHashMap<>();

  /**
   * @param limit for how long a vBucket may be refused, as one that is moving is
   * @param onFailure called if a vBucket is refused for longer
   */
  public MisdirectedRequests(String bucket, Duration limit, Consumer<ConnectionFailure> onFailure) {
    this.bucket = bucket;
    this.limit = limit;
    this.onFailure = onFailure;
  }

  /** A node does not have a vBucket. */
  void refused(int vbucket) {
    long now = System.nanoTime();
    Long since = sinceNanos.putIfAbsent(vbucket, now);
    if (since != null && now - since > limit.toNanos()) {
      onFailure.accept(
          new ConnectionFailure(
              Reason.OTHER,
              "For %d ms, the node that the cluster map names for vBucket %d of bucket '%s' has answered that it does not have it (NOT_MY_VBUCKET). Connecting again with a new cluster map."
                  .formatted(limit.toMillis(), vbucket, bucket)));
    }
  }

  /** A node has opened the stream of a vBucket. */
  void opened(int vbucket) {
    sinceNanos.remove(vbucket);
  }
}
