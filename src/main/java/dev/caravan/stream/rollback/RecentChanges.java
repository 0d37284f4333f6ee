// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.rollback;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The changes of a vBucket that were handed on last: for each the hash of its key, its seqno and
 * its CAS, in the order of arrival. After a rollback they decide what is published again, see
 * {@link Reread}.
 *
 * <p>Kept are the changes after the clean point and the {@value #KEPT_BEFORE} before it. That takes
 * memory from a {@link Budget}; without any left, the oldest change is forgotten, and is published
 * again if it comes again.
 *
 * <p>Not thread-safe: guarded by the lock of the vBucket's progress.
 */
public final class RecentChanges {
  /** How many changes at or before the clean point are kept. */
  static final int KEPT_BEFORE = 256;

  /** Stands for a key in the entry of a {@link #lose}; no key has this hash. */
  public static final long NO_KEY = 0;

  private static final int FIELDS = 3;
  private static final int SMALLEST = 16;
  private static final int LARGE = 8 * KEPT_BEFORE;
  private static final long[] NONE = {};

  /**
   * Bytes that the rings of many vBuckets share. Thread-safe.
   *
   * <p>A ring of {@value #SMALLEST} changes is always allowed, so that the budget bounds what
   * grows, not what exists.
   */
  public static final class Budget {
    private static final int PART_OF_HEAP = 16;

    /** For all consumers of the process: a part of its heap. */
    public static final Budget OF_PROCESS =
        new Budget(Runtime.getRuntime().maxMemory() / PART_OF_HEAP);

    private final AtomicLong left;

    Budget(long bytes) {
      left = new AtomicLong(bytes);
    }

    private boolean take(long bytes) {
      if (left.addAndGet(-bytes) >= 0) {
        return true;
      }
      left.addAndGet(bytes);
      return false;
    }

    private void give(long bytes) {
      left.addAndGet(bytes);
    }

    long left() {
      return left.get();
    }
  }

  /** Sees what was added, in that order. */
  interface Visitor {
    /**
     * A change that was added.
     *
     * @param index how many were added before it
     */
    void change(long index, long keyHash, long seqno, long cas);

    /** Of the changes before this, Couchbase has lost those after the seqno. */
    void lost(long afterSeqno);
  }

  private final Budget budget;
  private long[] ring = NONE;
  private int capacity;

  /** Indexes count all changes that were ever added; the ring holds those from oldest to end. */
  private long oldest;

  private long end;
  private boolean released;

  public RecentChanges(Budget budget) {
    this.budget = budget;
  }

  /**
   * Adds a change that is handed on.
   *
   * @param cleanSeqno the clean point of what is acknowledged, unsigned
   */
  public void add(long keyHash, long seqno, long cas, long cleanSeqno) {
    if (released) {
      return;
    }
    if (end - oldest == capacity) {
      makeRoom(cleanSeqno);
    }
    int at = at(end++);
    ring[at] = keyHash;
    ring[at + 1] = seqno;
    ring[at + 2] = cas;
  }

  /**
   * Notes that Couchbase has lost the changes so far that come after a seqno. Those that came back
   * are to be added again.
   */
  void lose(long afterSeqno, long cleanSeqno) {
    add(NO_KEY, afterSeqno, 0, cleanSeqno);
  }

  private int at(long index) {
    return (int) (index & (capacity - 1)) * FIELDS;
  }

  private void makeRoom(long cleanSeqno) {
    if (capacity == 0) {
      resize(SMALLEST);
      return;
    }
    long clean = oldest;
    while (clean < end && Long.compareUnsigned(ring[at(clean) + 1], cleanSeqno) <= 0) {
      clean++;
    }
    long superfluous = clean - oldest - KEPT_BEFORE;
    // A few at a time at least, so that the search above is not for each change.
    int few = Math.max(1, capacity / 8);
    if (superfluous < few && budget.take(bytes(capacity))) {
      resize(capacity * 2);
    } else {
      oldest += Math.max(few, superfluous);
    }
  }

  private static long bytes(int changes) {
    return (long) changes * FIELDS * Long.BYTES;
  }

  private void resize(int newCapacity) {
    long[] resized = new long[newCapacity * FIELDS];
    for (long index = oldest; index < end; index++) {
      System.arraycopy(
          ring, at(index), resized, (int) (index & (newCapacity - 1)) * FIELDS, FIELDS);
    }
    ring = resized;
    capacity = newCapacity;
  }

  /** How many changes were ever added, but for those that were taken back. */
  public long mark() {
    return end;
  }

  /** Takes back all changes that were added after a {@link #mark}. */
  public void takeBack(long mark) {
    end = mark;
    oldest = Math.min(oldest, end);
  }

  /**
   * Gives back memory that a long snapshot took, once the clean point has passed it.
   *
   * @param mark of the last change at or before the clean point
   */
  public void clean(long mark) {
    if (capacity <= LARGE) {
      return;
    }
    long from = Math.max(oldest, mark - KEPT_BEFORE);
    int smaller = capacity;
    while (smaller > LARGE && 4 * (end - from) <= smaller) {
      smaller /= 2;
    }
    if (smaller < capacity) {
      budget.give(bytes(capacity - smaller));
      oldest = from;
      resize(smaller);
    }
  }

  /** Shows what is kept. */
  void forEach(Visitor visitor) {
    for (long index = oldest; index < end; index++) {
      int at = at(index);
      if (ring[at] == NO_KEY) {
        visitor.lost(ring[at + 1]);
      } else {
        visitor.change(index, ring[at], ring[at + 1], ring[at + 2]);
      }
    }
  }

  /** Forgets all changes, for good, and gives their memory back. */
  public void release() {
    released = true;
    if (capacity > SMALLEST) {
      budget.give(bytes(capacity - SMALLEST));
    }
    ring = NONE;
    capacity = 0;
    oldest = end;
  }
}
