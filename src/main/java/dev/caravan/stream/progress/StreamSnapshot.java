// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import dev.caravan.offset.Offset;
import dev.caravan.stream.rollback.FailoverHistory;
import dev.caravan.stream.rollback.Reread;
import org.jspecify.annotations.Nullable;

/**
 * The part of an {@link Offset} that all changes of one DCP snapshot share. Immutable.
 *
 * @param history the vBucket's history
 * @param endSeqno last seqno of the snapshot, unsigned
 * @param collectionsManifestUid the collections manifest that the stream has reached
 * @param reread the re-read that the changes are part of, which gives the offset while it lasts;
 *     null for changes that are read for the first time
 */
public record StreamSnapshot(
    FailoverHistory history, long endSeqno, long collectionsManifestUid, @Nullable Reread reread) {

  public StreamSnapshot(FailoverHistory history, long endSeqno, long collectionsManifestUid) {
    this(history, endSeqno, collectionsManifestUid, null);
  }

  /** Identifies the newest branch of the history. */
  long vbuuid() {
    return history.vbuuid();
  }

  Offset offset(long seqno, long cleanSeqno) {
    return reread == null
        ? new Offset(vbuuid(), seqno, cleanSeqno, endSeqno, collectionsManifestUid)
        : reread.committable();
  }
}
