// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

/**
 * One write that Couchbase has made.
 *
 * @param cas tells it from any other write to the same vBucket
 * @param deletion whether it deleted the document
 * @param lost whether Couchbase doesn't have it in its history any more, after a failover to a
 *     replica that was behind or the end of the bucket
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

  /** What a write and its record have in common. */
  record Identity(int vbucket, long seqno, long cas) {}
}
