// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.util.Arrays;

/**
 * A growing array of numbers that adapts its memory to the values: a single value while all are
 * equal, 4 bytes each while all fit into an {@code int}, 8 bytes each otherwise. Not thread-safe.
 */
final class LongColumn {
  private static final int MIN_CAPACITY = 16;

  private int size;
  private long constant;
  private int[] ints = {};
  private long[] longs = {};

  /** Returns the number at an index that was set. */
  long get(int index) {
    if (longs.length > 0) {
      return index < longs.length ? longs[index] : 0;
    }
    if (ints.length > 0) {
      return index < ints.length ? ints[index] : 0;
    }
    return constant;
  }

  /** Sets the number at an index, from 0. */
  void set(int index, long value) {
    boolean isFirst = size == 0;
    size = Math.max(size, index + 1);
    if (longs.length == 0 && ints.length == 0) {
      if (isFirst || value == constant) {
        constant = value;
        return;
      }
      expand(value);
    } else if (longs.length == 0 && value != (int) value) {
      widen();
    }
    if (longs.length > 0) {
      longs = index < longs.length ? longs : Arrays.copyOf(longs, capacity());
      longs[index] = value;
    } else {
      ints = index < ints.length ? ints : Arrays.copyOf(ints, capacity());
      ints[index] = (int) value;
    }
  }

  /** Allocates an array in which each earlier element has the constant. */
  private void expand(long value) {
    if (constant == (int) constant && value == (int) value) {
      ints = new int[capacity()];
      Arrays.fill(ints, (int) constant);
    } else {
      longs = new long[capacity()];
      Arrays.fill(longs, constant);
    }
  }

  private void widen() {
    longs = new long[ints.length];
    for (int i = 0; i < ints.length; i++) {
      longs[i] = ints[i];
    }
    ints = new int[0];
  }

  private int capacity() {
    return Math.max(MIN_CAPACITY, Integer.highestOneBit(size - 1) << 1);
  }
}
