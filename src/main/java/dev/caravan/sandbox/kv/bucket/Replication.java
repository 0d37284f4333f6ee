// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

import dev.caravan.sandbox.kv.store.VBucket;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * The copies of vBuckets on nodes that lag behind or aren't persisted.
 *
 * <p>A copy that is up to date and persisted equals the active {@link VBucket} and has no entry. A
 * lagging copy is kept as it was when it stopped receiving. A copy that isn't persisted is kept as
 * it was persisted last. Thread-safe; several calls together are not atomic.
 */
final class Replication {
  private record Place(int node, int vbucket) {}

  private final Map<Place, VBucketReplica> lagging = new ConcurrentHashMap<>();
  private final Map<Place, VBucketReplica> persisted = new ConcurrentHashMap<>();

  /** A node's copy receives nothing from now on; a copy that lags already doesn't change. */
  void lag(int node, VBucket vbucket) {
    lagging.computeIfAbsent(
        new Place(node, vbucket.id()), any -> new VBucketReplica(vbucket.id(), vbucket.copy()));
  }

  /** A node's copy that lags has received a part of what it lacks. */
  void receive(int node, VBucketReplica received) {
    lagging.replace(new Place(node, received.vbucket()), received);
  }

  /** The lagging copy on a node, or null when the node is up to date. */
  @Nullable VBucketReplica lagging(int node, int vbucket) {
    return lagging.get(new Place(node, vbucket));
  }

  void catchUp(int node) {
    lagging.keySet().removeIf(place -> place.node() == node);
  }

  /** Stops the persistence of a vBucket on a node; a copy that is held already doesn't change. */
  void holdPersistence(int node, VBucket vbucket) {
    persisted.computeIfAbsent(
        new Place(node, vbucket.id()),
        place -> {
          VBucketReplica behind = lagging.get(place);
          return behind == null ? new VBucketReplica(vbucket.id(), vbucket.copy()) : behind;
        });
  }

  /**
   * Persists the present state of all copies whose persistence is held; it stays held afterwards.
   */
  void renewPersisted(IntFunction<VBucketReplica> present) {
    persisted.replaceAll((place, before) -> present.apply(place.vbucket()));
  }

  void persist(int node) {
    persisted.keySet().removeIf(place -> place.node() == node);
  }

  /** The persisted copy on a node, or null when everything is persisted. */
  @Nullable VBucketReplica persisted(int node, int vbucket) {
    return persisted.get(new Place(node, vbucket));
  }

  /** How far a node's copy that goes up to a seqno is persisted. */
  long persistedSeqno(int node, int vbucket, long highSeqno) {
    VBucketReplica held = persisted(node, vbucket);
    return held == null ? highSeqno : Math.min(highSeqno, held.highSeqno());
  }

  /** All copies of a vBucket are up to date and persisted: it has another history now. */
  void forget(int vbucket) {
    lagging.keySet().removeIf(place -> place.vbucket() == vbucket);
    persisted.keySet().removeIf(place -> place.vbucket() == vbucket);
  }

  /** All copies are up to date; what is persisted stays. */
  void catchUp() {
    lagging.clear();
  }
}
