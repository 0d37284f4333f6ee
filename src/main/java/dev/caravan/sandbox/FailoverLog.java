// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The branches of history of a vBucket, newest first: each has a UUID and the seqno at which it
 * started.
 *
 * <p>Not thread-safe: guarded by its vBucket's lock.
 */
final class FailoverLog {
  static final long NO_ROLLBACK = -1;

  private static final int MAX_ENTRIES = 25;

  /**
   * One branch.
   *
   * @param uuid its vbuuid, never 0
   * @param seqno the high seqno when it started
   */
  record Entry(long uuid, long seqno) {}

  private final List<Entry> entries;

  FailoverLog() {
    entries = new ArrayList<>();
    branch(0);
  }

  private FailoverLog(List<Entry> entries) {
    this.entries = new ArrayList<>(entries);
  }

  FailoverLog copy() {
    return new FailoverLog(entries);
  }

  /**
   * Starts a new branch at a seqno; beyond 25 the oldest branch is forgotten, as a real node does.
   */
  void branch(long seqno) {
    long uuid = ThreadLocalRandom.current().nextLong(1, 1L << 48);
    entries.add(0, new Entry(uuid, seqno));
    if (entries.size() > MAX_ENTRIES) {
      entries.remove(MAX_ENTRIES);
    }
  }

  long uuid() {
    return entries.get(0).uuid();
  }

  /**
   * Where the branch of this UUID ended: the start of the next newer one, or the high seqno; -1 if
   * unknown.
   */
  long upper(long uuid, long highSeqno) {
    long upper = highSeqno;
    for (Entry entry : entries) {
      if (entry.uuid() == uuid) {
        return upper;
      }
      upper = entry.seqno();
    }
    return -1;
  }

  /** Where a client that asks for this position must go back to, or {@link #NO_ROLLBACK}. */
  long rollbackSeqno(StreamPosition asked, StreamFlags flags, long highSeqno, long purgeSeqno) {
    long start = asked.startSeqno();
    if (start == 0 && !(flags.strictVbuuid() && asked.vbuuid() != 0)) {
      return NO_ROLLBACK;
    }
    long upper = upper(asked.vbuuid(), highSeqno);
    if (upper < 0) {
      return 0;
    }
    if (start > 0 && start < purgeSeqno && !flags.ignorePurged()) {
      return 0;
    }
    long snapshotStart = start == asked.snapshotEnd() ? start : asked.snapshotStart();
    long snapshotEnd = start == asked.snapshotStart() ? start : asked.snapshotEnd();
    return Long.compareUnsigned(snapshotEnd, upper) <= 0
        ? NO_ROLLBACK
        : Math.min(upper, snapshotStart);
  }

  /** UUID and seqno of each entry, 16 bytes. */
  byte[] encoded() {
    ByteBuffer buffer = ByteBuffer.allocate(entries.size() * 16);
    for (Entry entry : entries) {
      buffer.putLong(entry.uuid()).putLong(entry.seqno());
    }
    return buffer.array();
  }
}
