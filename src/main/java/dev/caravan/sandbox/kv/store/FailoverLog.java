// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

import dev.caravan.sandbox.kv.protocol.StreamFlags;
import dev.caravan.sandbox.kv.protocol.StreamPosition;
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

  /**
   * One branch.
   *
   * @param uuid its vbuuid, never 0
   * @param seqno where it started: the high seqno, or the start of a snapshot that was incomplete
   */
  record Entry(long uuid, long seqno) {}

  private final List<Entry> entries;
  private final int maxEntries;

  /**
   * A log of one branch that starts at 0.
   *
   * @param maxEntries 1 or more; beyond it the oldest entry is removed, as a real node does
   */
  FailoverLog(int maxEntries) {
    this(List.of(), maxEntries);
    branch(0);
  }

  private FailoverLog(List<Entry> entries, int maxEntries) {
    this.entries = new ArrayList<>(entries);
    this.maxEntries = maxEntries;
  }

  FailoverLog copy() {
    return new FailoverLog(entries, maxEntries);
  }

  /** Starts a new branch at a seqno. A branch that started later is not part of this history. */
  void branch(long seqno) {
    long uuid = ThreadLocalRandom.current().nextLong(1, 1L << 48);
    entries.removeIf(entry -> entry.seqno() > seqno);
    entries.add(0, new Entry(uuid, seqno));
    if (entries.size() > maxEntries) {
      entries.remove(maxEntries);
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
