// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

import dev.caravan.sandbox.kv.store.VBucket;
import org.jspecify.annotations.Nullable;

/**
 * A replica of a vBucket as it was at some moment, for a {@link Bucket#failOver failover} that
 * loses later changes. Immutable.
 */
public final class VBucketReplica {
  private final int vbucket;
  private final VBucket.Copy copy;

  VBucketReplica(int vbucket, VBucket.Copy copy) {
    this.vbucket = vbucket;
    this.copy = copy;
  }

  public int vbucket() {
    return vbucket;
  }

  /** The seqno of the last change that it received. */
  public long highSeqno() {
    return copy.highSeqno();
  }

  /** The high seqno of one collection, 0 when it has nothing of it. */
  long highSeqno(int collectionId) {
    return copy.highSeqno(collectionId);
  }

  /** Where a branch of its history stands, or null when the vbuuid is unknown to it. */
  VBucket.@Nullable Branch branchOf(long uuid) {
    return copy.branchOf(uuid);
  }

  VBucket.Copy copy() {
    return copy;
  }
}
