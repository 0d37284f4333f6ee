// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

/**
 * A write in the history of a bucket.
 *
 * @param cas unique among the writes to a vBucket
 * @param deletion whether the write deleted the document
 * @param lost whether Couchbase has lost the write, by a failover to a replica that was behind or
 *     by the deletion of the bucket
 */
public record ChaosWrite(
    String documentId,
    int vbucket,
    long vbuuid,
    long seqno,
    long cas,
    boolean deletion,
    boolean lost) {
  Identity identity() {
    return new Identity(vbucket, seqno, cas);
  }

  /** The values that a write and its record share. */
  record Identity(int vbucket, long seqno, long cas) {}
}
