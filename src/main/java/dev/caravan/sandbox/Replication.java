// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What the nodes of a bucket have of each vBucket, as far as it isn't all of it.
 *
 * <p>A copy that is up to date and persisted is what the active {@link VBucket} is, and needs
 * nothing here. Of one that lags there is a snapshot from when it stopped receiving; of one that
 * isn't persisted there is the seqno up to which it was. Thread-safe; each answer stands for
 * itself.
 */
final class Replication {
  private record Place(int node, int vbucket) {}

  private final Map<Place, VBucketReplica> lagging = new ConcurrentHashMap<>();
  private final Map<Place, Long> persisted = new ConcurrentHashMap<>();

  /** A node's copy receives nothing from now on; one that lags already keeps what it has. */
  void lag(int node, VBucket vbucket) {
    lagging.computeIfAbsent(
        new Place(node, vbucket.id()), any -> new VBucketReplica(vbucket.id(), vbucket.copy()));
  }

  /** What a node's copy has, or null when it is up to date. */
  @Nullable VBucketReplica lagging(int node, int vbucket) {
    return lagging.get(new Place(node, vbucket));
  }

  void catchUp(int node) {
    lagging.keySet().removeIf(place -> place.node() == node);
  }

  /** A node persists no more of a vBucket than this seqno from now on. */
  void holdPersistence(int node, int vbucket, long seqno) {
    persisted.putIfAbsent(new Place(node, vbucket), seqno);
  }

  void persist(int node) {
    persisted.keySet().removeIf(place -> place.node() == node);
  }

  /** How far a node's copy that goes up to a seqno is persisted. */
  long persistedSeqno(int node, int vbucket, long highSeqno) {
    return Math.min(highSeqno, persisted.getOrDefault(new Place(node, vbucket), highSeqno));
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
