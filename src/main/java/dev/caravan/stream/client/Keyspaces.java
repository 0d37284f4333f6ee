// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.dcp.highlevel.internal.CollectionsManifest;
import com.couchbase.client.dcp.highlevel.internal.CollectionsManifest.CollectionInfo;
import dev.caravan.stream.change.Keyspace;
import dev.caravan.stream.settings.VbucketSelection;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Resolves the collection ids of a session's changes. Neighboring changes of a vBucket often belong
 * to the same collection, so it keeps the last result for each vBucket. Thread-safe.
 */
final class Keyspaces {
  private record Resolved(CollectionsManifest manifest, long collectionId, Keyspace keyspace) {}

  private final Set<String> collections;
  private final AtomicReferenceArray<@Nullable Resolved> last =
      new AtomicReferenceArray<>(VbucketSelection.MAX_VBUCKETS);

  /**
   * @param collections qualified names of the selected collections; empty for the whole bucket
   */
  Keyspaces(Set<String> collections) {
    this.collections = collections;
  }

  /** The scope and collection that a collection id stands for in a manifest. */
  Keyspace of(int vbucket, CollectionsManifest manifest, long collectionId) {
    Resolved known = last.get(vbucket);
    if (known != null && known.manifest() == manifest && known.collectionId() == collectionId) {
      return known.keyspace();
    }
    Keyspace keyspace = resolve(manifest.getCollection(collectionId));
    last.set(vbucket, new Resolved(manifest, collectionId, keyspace));
    return keyspace;
  }

  private Keyspace resolve(@Nullable CollectionInfo info) {
    if (info == null) {
      // The collection was dropped after the document was written.
      return new Keyspace("", "", false);
    }
    // When a selected collection is missing, the client opens an unfiltered stream before it
    // reports that.
    boolean selected =
        collections.isEmpty() || collections.contains(info.scope().name() + "." + info.name());
    return new Keyspace(info.scope().name(), info.name(), selected);
  }
}
