// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

import dev.caravan.sandbox.kv.store.CollectionsManifest;
import dev.caravan.sandbox.kv.store.VBucket;
import dev.caravan.sandbox.kv.store.VBucketState;
import org.jspecify.annotations.Nullable;

/**
 * A bucket as the clients of one node see it: the vBuckets that the node has, and how far it has
 * received and persisted them. Thread-safe.
 *
 * @param node the number of the node
 */
public record ServedBucket(Bucket bucket, int node) {
  public String name() {
    return bucket.name();
  }

  public int vbucketCount() {
    return bucket.vbucketCount();
  }

  public CollectionsManifest manifest() {
    return bucket.manifest();
  }

  /**
   * Returns the vBucket of this id, which may be active on another node, or null when there is
   * none.
   */
  public @Nullable VBucket vbucket(int id) {
    return bucket.vbucket(id);
  }

  /** The state of a vBucket on this node, or null when the node doesn't have it. */
  public @Nullable VBucketState state(int id) {
    VBucket vbucket = bucket.vbucket(id);
    if (vbucket == null) {
      return null;
    }
    if (bucket.nodeOf(id) == node) {
      return vbucket.state();
    }
    return bucket.map().hasReplica(id, node) ? VBucketState.REPLICA : null;
  }

  public boolean isActiveElsewhere(int id) {
    return id < bucket.vbucketCount() && bucket.nodeOf(id) != node;
  }

  /** The high seqno of a vBucket on this node. */
  public long highSeqno(VBucket vbucket) {
    VBucketReplica lagging = lagging(vbucket);
    return lagging == null ? vbucket.highSeqno() : lagging.highSeqno();
  }

  /** The high seqno of one collection in a vBucket on this node. */
  public long highSeqno(VBucket vbucket, int collectionId) {
    VBucketReplica lagging = lagging(vbucket);
    return lagging == null ? vbucket.highSeqno(collectionId) : lagging.highSeqno(collectionId);
  }

  /** The branch of this vbuuid in the history that this node has, or null when it is unknown. */
  public VBucket.@Nullable Branch branchOf(VBucket vbucket, long vbuuid) {
    VBucketReplica lagging = lagging(vbucket);
    return lagging == null ? vbucket.branchOf(vbuuid) : lagging.branchOf(vbuuid);
  }

  /** The failover log that this node has, as it goes over the wire. */
  public byte[] failoverLog(VBucket vbucket) {
    VBucketReplica lagging = lagging(vbucket);
    return lagging == null ? vbucket.failoverLog() : lagging.copy().encodedFailoverLog();
  }

  private @Nullable VBucketReplica lagging(VBucket vbucket) {
    return bucket.replication().lagging(node, vbucket.id());
  }

  /** The last seqno that this node has persisted of a vBucket, of which it has a high seqno. */
  public long persistedSeqno(VBucket vbucket, long highSeqno) {
    return bucket.replication().persistedSeqno(node, vbucket.id(), highSeqno);
  }

  /** The last seqno that the active node of a vBucket has persisted. */
  public long persistedSeqno(VBucket vbucket) {
    int active = bucket.nodeOf(vbucket.id());
    return bucket.replication().persistedSeqno(active, vbucket.id(), Long.MAX_VALUE);
  }

  /** The part of a vBucket that a backfill reads: what its active node has persisted. */
  public VBucket.Tail onDisk(VBucket vbucket, long afterSeqno) {
    int active = bucket.nodeOf(vbucket.id());
    VBucketReplica persisted = bucket.replication().persisted(active, vbucket.id());
    return persisted == null || persisted.highSeqno() <= afterSeqno
        ? vbucket.after(afterSeqno)
        : vbucket.after(afterSeqno, persisted.copy());
  }

  public boolean isCompressedOnDisk() {
    return bucket.isCompressedOnDisk();
  }

  /** How long a stream waits after a change for further ones, see {@link Bucket#gatherChanges}. */
  public long gatherMillis() {
    return bucket.gatherMillis();
  }

  /** Gives a connection its name; a connection that has the name already is closed. */
  public void register(String connectionName, NamedConnection connection) {
    NamedConnection former = bucket.connections().put(connectionName, connection);
    if (former != null) {
      former.close();
    }
  }

  /** Frees the name of a connection unless another one has it now. */
  public void unregister(String connectionName, NamedConnection connection) {
    bucket.connections().remove(connectionName, connection);
  }
}
