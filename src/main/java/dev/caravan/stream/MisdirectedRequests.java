// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import dev.caravan.stream.ConnectionFailure.Reason;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Detects a client whose cluster map stays wrong. The client asks the node that its map names, and
 * asks it again every 200 ms while the answer is NOT_MY_VBUCKET (dcp-client 0.56.0, {@code
 * Conductor.startStreamForPartition}). It ignores maps that are not newer than its own ({@code
 * BucketConfigArbiter.accept}), so it would ask without end if revisions begin again, as after a
 * cluster was set up again under the same addresses. A new client takes the map that it is given.
 *
 * <p>Thread-safe.
 */
final class MisdirectedRequests {
  private final Duration limit;
  private final Map<Integer, Long> sinceNanos = new ConcurrentHashMap<>();

  /**
   * @param limit how long a vBucket may be refused, as one that is moving is
   */
  MisdirectedRequests(Duration limit) {
    this.limit = limit;
  }

  /**
   * A node does not have a vBucket.
   *
   * @return whether this vBucket has been refused for longer than the limit
   */
  boolean refused(int vbucket, long nowNanos) {
    Long since = sinceNanos.putIfAbsent(vbucket, nowNanos);
    return since != null && nowNanos - since > limit.toNanos();
  }

  /** A node has opened the stream of a vBucket. */
  void opened(int vbucket) {
    sinceNanos.remove(vbucket);
  }

  ConnectionFailure failure(String bucket, int vbucket) {
    return new ConnectionFailure(
        Reason.OTHER,
        "For %d ms, the node that the cluster map names for vBucket %d of bucket '%s' has answered that it does not have it (NOT_MY_VBUCKET). Connecting again with a new cluster map."
            .formatted(limit.toMillis(), vbucket, bucket));
  }
}
