// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

/**
 * A position in the history of a vBucket from which a DCP stream can be resumed.
 *
 * @param vbuuid the UUID of the history branch, from the failover log
 * @param bySeqno the sequence number of the last delivered change, 0 or more
 * @param snapshotStartSeqno the start of the snapshot that holds {@code bySeqno}
 * @param snapshotEndSeqno the end of the snapshot that holds {@code bySeqno}
 * @param collectionsManifestUid the uid of the collections manifest at that position
 */
public record Offset(
    long vbuuid,
    long bySeqno,
    long snapshotStartSeqno,
    long snapshotEndSeqno,
    long collectionsManifestUid) {}
