// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

/**
 * The position at which a client asks a stream to continue. Seqnos are unsigned; an end of all ones
 * means no end.
 */
public record StreamPosition(
    long startSeqno, long endSeqno, long vbuuid, long snapshotStart, long snapshotEnd) {

  /** Whether the numbers make a range: start at most end, and inside the snapshot. */
  public boolean isRange() {
    return Long.compareUnsigned(startSeqno, endSeqno) <= 0
        && Long.compareUnsigned(snapshotStart, startSeqno) <= 0
        && Long.compareUnsigned(startSeqno, snapshotEnd) <= 0;
  }
}
