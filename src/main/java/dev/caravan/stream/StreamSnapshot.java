// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import dev.caravan.offset.Offset;

/**
 * The part of an {@link Offset} that all changes of one DCP snapshot share. Immutable.
 *
 * @param vbuuid identifies the vBucket's history, from the failover log
 * @param startSeqno first seqno of the snapshot, unsigned
 * @param endSeqno last seqno of the snapshot, unsigned
 * @param collectionsManifestUid the collections manifest that the stream has reached
 */
record StreamSnapshot(long vbuuid, long startSeqno, long endSeqno, long collectionsManifestUid) {

  Offset offset(long seqno) {
    return new Offset(vbuuid, seqno, startSeqno, endSeqno, collectionsManifestUid);
  }

  StreamSnapshot withCollectionsManifestUid(long uid) {
    return new StreamSnapshot(vbuuid, startSeqno, endSeqno, uid);
  }
}
