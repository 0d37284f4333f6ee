// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

/**
 * One write that Couchbase has acknowledged.
 *
 * @param number its place among all writes, from 0
 * @param cas tells it from any other write to the same vBucket
 * @param deletion whether it deleted the document
 */
record ChaosWrite(
    int number,
    String documentId,
    int vbucket,
    long vbuuid,
    long seqno,
    long cas,
    boolean deletion) {
  Identity identity() {
    return new Identity(vbucket, seqno, cas);
  }

  /** What a write and its record have in common. */
  record Identity(int vbucket, long seqno, long cas) {}
}
