// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

/**
 * A place in the history of one vBucket from which a DCP stream can be resumed.
 *
 * @param vbuuid the UUID of the history branch, from the failover log
 * @param bySeqno the sequence number of the last change that was delivered, 0 or more
 * @param snapshotStartSeqno where the snapshot that holds {@code bySeqno} starts
 * @param snapshotEndSeqno where the snapshot that holds {@code bySeqno} ends
 * @param collectionsManifestUid the collections manifest that the stream had seen
 */
public record Offset(
    long vbuuid,
    long bySeqno,
    long snapshotStartSeqno,
    long snapshotEndSeqno,
    long collectionsManifestUid) {}
