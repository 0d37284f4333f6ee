// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.dcp.highlevel.internal.CollectionsManifest;
import com.couchbase.client.dcp.highlevel.internal.CollectionsManifest.CollectionInfo;
import com.couchbase.client.dcp.highlevel.internal.KeyExtractor;
import com.couchbase.client.dcp.state.PartitionState;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What has to be known of a vBucket's stream to understand its next event: the snapshot that it is
 * in, and what the numbers of collections stand for.
 *
 * <p>Not thread-safe: a vBucket's events come from one event loop at a time, and the client hands a
 * vBucket from one to the next through its executors or its lock, which makes this state visible to
 * the next one.
 */
final class VbucketStream {
  private final int number;
  private final Set<String> collections;
  private @Nullable StreamSnapshot snapshot;
  private long lastSeqno;
  private boolean keysHaveCollection;
  private @Nullable CollectionsManifest manifest;
  private long collectionId;
  private @Nullable Keyspace keyspace;

  /**
   * @param lastSeqno after which the stream begins
   * @param collections qualified names of the selected collections; empty for the whole bucket
   */
  VbucketStream(int number, long lastSeqno, Set<String> collections) {
    this.lastSeqno = lastSeqno;
    this.number = number;
    this.collections = collections;
  }

  int number() {
    return number;
  }

  /** The snapshot that the next change is in. */
  StreamSnapshot snapshot() {
    if (snapshot == null) {
      throw new IllegalStateException(
          "Couchbase sent an event of vBucket " + number + " before its snapshot marker.");
    }
    return snapshot;
  }

  /**
   * Notes the seqno of an event. What the client has held back, until it is persisted, comes twice
   * if its stream is opened again meanwhile.
   *
   * @return whether it comes after all that came before
   */
  boolean advance(long seqno) {
    if (Long.compareUnsigned(seqno, lastSeqno) <= 0) {
      return false;
    }
    lastSeqno = seqno;
    return true;
  }

  /** The stream is opened again from this seqno, in another history. */
  void rolledBack(long toSeqno) {
    lastSeqno = toSeqno;
  }

  /** Whether the keys of this stream begin with the number of a collection. */
  boolean keysHaveCollection() {
    return keysHaveCollection;
  }

  /**
   * Comes first on every opened stream; by then the client has kept the failover log of the
   * stream's answer.
   */
  void onSnapshot(PartitionState state, long startSeqno, long endSeqno) {
    snapshot =
        new StreamSnapshot(
            state.getLastUuid(), startSeqno, endSeqno, state.getCollectionsManifestUid());
    keysHaveCollection = state.getKeyExtractor() == KeyExtractor.COLLECTIONS;
  }

  /** A collection or scope was made or dropped; the client has kept the new manifest. */
  void onManifest(PartitionState state) {
    snapshot = snapshot().withCollectionsManifestUid(state.getCollectionsManifestUid());
  }

  /** What a collection's number stands for now. */
  Keyspace keyspace(CollectionsManifest current, long id) {
    if (keyspace != null && current == manifest && id == collectionId) {
      return keyspace;
    }
    Keyspace resolved = resolve(current.getCollection(id));
    manifest = current;
    collectionId = id;
    keyspace = resolved;
    return resolved;
  }

  private Keyspace resolve(@Nullable CollectionInfo info) {
    if (info == null) {
      // Dropped since the document was written.
      return new Keyspace("", "", false);
    }
    // The client opens an unfiltered stream when a selected collection is missing, before it
    // reports that.
    boolean selected =
        collections.isEmpty() || collections.contains(info.scope().name() + "." + info.name());
    return new Keyspace(info.scope().name(), info.name(), selected);
  }
}
