// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The latest version of everything in a vBucket, in seqno order.
 *
 * <p>Two parallel arrays; a superseded version leaves a hole until more than half are holes. Seqnos
 * only grow, so finding one is a binary search. Not thread-safe: guarded by its vBucket's lock.
 */
final class SeqnoLog {
  private static final int INITIAL_CAPACITY = 16;

  private long[] seqnos = new long[INITIAL_CAPACITY];
  private @Nullable Item[] items = new Item[INITIAL_CAPACITY];
  private int size;
  private int holes;

  /** Adds the newest item, and takes out the one that it supersedes, if any. */
  void append(Item item, @Nullable Item superseded) {
    if (superseded != null) {
      remove(superseded);
    }
    if (size == items.length) {
      int capacity = size + (size >> 1);
      seqnos = Arrays.copyOf(seqnos, capacity);
      items = Arrays.copyOf(items, capacity);
    }
    seqnos[size] = item.seqno();
    items[size] = item;
    size++;
  }

  void remove(Item item) {
    int at = Arrays.binarySearch(seqnos, 0, size, item.seqno());
    if (at < 0 || items[at] != item) {
      throw new IllegalStateException("seqno " + item.seqno() + " is not in the log");
    }
    items[at] = null;
    holes++;
    if (holes > INITIAL_CAPACITY && holes > size / 2) {
      compact();
    }
  }

  private void compact() {
    int to = 0;
    for (int from = 0; from < size; from++) {
      if (items[from] != null) {
        seqnos[to] = seqnos[from];
        items[to] = items[from];
        to++;
      }
    }
    Arrays.fill(items, to, size, null);
    size = to;
    holes = 0;
  }

  /** The items after a seqno, in order, in an array of the caller's own. */
  Item[] after(long seqno) {
    int at = Arrays.binarySearch(seqnos, 0, size, seqno);
    int from = at < 0 ? -at - 1 : at + 1;
    Item[] result = new Item[size - from];
    int count = 0;
    for (int i = from; i < size; i++) {
      if (items[i] != null) {
        result[count++] = items[i];
      }
    }
    return count == result.length ? result : Arrays.copyOf(result, count);
  }
}
