// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

import dev.caravan.sandbox.kv.store.VBucket;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * What the nodes of a bucket have of each vBucket, as far as it isn't all of it.
 *
 * <p>A copy that is up to date and persisted is what the active {@link VBucket} is, and needs
 * nothing here. Of one that lags there is a copy from when it stopped receiving; of one that isn't
 * persisted there is a copy of what was. Thread-safe; each answer stands for itself.
 */
final class Replication {
  private record Place(int node, int vbucket) {}

  private final Map<Place, VBucketReplica> lagging = new ConcurrentHashMap<>();
  private final Map<Place, VBucketReplica> persisted = new ConcurrentHashMap<>();

  /** A node's copy receives nothing from now on; one that lags already keeps what it has. */
  void lag(int node, VBucket vbucket) {
    lagging.computeIfAbsent(
        new Place(node, vbucket.id()), any -> new VBucketReplica(vbucket.id(), vbucket.copy()));
  }

  /** A node's copy that lags has received a part of what it lacks. */
  void receive(int node, VBucketReplica received) {
    lagging.replace(new Place(node, received.vbucket()), received);
  }

  /** What a node's copy has, or null when it is up to date. */
  @Nullable VBucketReplica lagging(int node, int vbucket) {
    return lagging.get(new Place(node, vbucket));
  }

  void catchUp(int node) {
    lagging.keySet().removeIf(place -> place.node() == node);
  }

  /**
   * A node persists no more of a vBucket than what its copy has now; one that persists nothing
   * already keeps what it has.
   */
  void holdPersistence(int node, VBucket vbucket) {
    persisted.computeIfAbsent(
        new Place(node, vbucket.id()),
        place -> {
          VBucketReplica behind = lagging.get(place);
          return behind == null ? new VBucketReplica(vbucket.id(), vbucket.copy()) : behind;
        });
  }

  /** What isn't persisted yet is, and nothing more is persisted from now on. */
  void renewPersisted(IntFunction<VBucketReplica> present) {
    persisted.replaceAll((place, before) -> present.apply(place.vbucket()));
  }

  void persist(int node) {
    persisted.keySet().removeIf(place -> place.node() == node);
  }

  /** What a node has persisted of a vBucket, or null when it is all that the node has. */
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
