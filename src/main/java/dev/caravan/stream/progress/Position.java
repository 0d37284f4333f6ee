// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import dev.caravan.offset.Offset;
import dev.caravan.stream.rollback.RecentChanges;
import org.jspecify.annotations.Nullable;

/**
 * One event's place in the stream of its vBucket, from its arrival until the events before it are
 * acknowledged too. All mutable state belongs to {@link VbucketProgress} and is guarded by its
 * lock.
 */
public final class Position {
  final int vbucket;
  final StreamSnapshot snapshot;
  final long seqno;

  /** The clean point once this event and all before it are acknowledged; at most the seqno. */
  final long cleanSeqno;

  @Nullable Position previous;
  @Nullable Position next;
  boolean acknowledged;
  boolean linked;

  /** How many changes had been added to the vBucket's {@link RecentChanges}, this one included. */
  long mark;

  public Position(int vbucket, StreamSnapshot snapshot, long seqno, long cleanSeqno) {
    this.vbucket = vbucket;
    this.snapshot = snapshot;
    this.seqno = seqno;
    this.cleanSeqno = cleanSeqno;
  }

  public int vbucket() {
    return vbucket;
  }

  /** The history that the seqno belongs to. */
  public long vbuuid() {
    return snapshot.vbuuid();
  }

  /** Unsigned. */
  public long seqno() {
    return seqno;
  }

  /** The offset to commit once this event and all before it are acknowledged. */
  Offset offset() {
    return snapshot.offset(seqno, cleanSeqno);
  }
}
