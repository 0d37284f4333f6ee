// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

import java.util.Arrays;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The latest version of each document of a vBucket, by key.
 *
 * <p>An open-addressing hash table of the items themselves: no entry and no key object per
 * document. Not thread-safe: guarded by its vBucket's lock.
 */
final class KeyIndex {
  private static final int INITIAL_CAPACITY = 16;

  private @Nullable Item[] table = new Item[INITIAL_CAPACITY];
  private int size;

  @Nullable Item get(byte[] key) {
    return table[slot(table, key, key.length)];
  }

  /** Puts an item in place of an older one with the same key. */
  void put(Item item) {
    if (size >= table.length - (table.length >> 2)) {
      rebuild(table.length << 1, any -> true);
    }
    int slot = slot(table, item.keyAndValue(), item.keyLength());
    if (table[slot] == null) {
      size++;
    }
    table[slot] = item;
  }

  /** Keeps only the items that pass; reads every item. */
  void retain(Predicate<Item> kept) {
    rebuild(table.length, kept);
  }

  private void rebuild(int capacity, Predicate<Item> kept) {
    @Nullable Item[] target = new Item[capacity];
    size = 0;
    for (Item item : table) {
      if (item != null && kept.test(item)) {
        target[slot(target, item.keyAndValue(), item.keyLength())] = item;
        size++;
      }
    }
    table = target;
  }

  private static int slot(@Nullable Item[] table, byte[] key, int keyLength) {
    int hash = 1;
    for (int i = 0; i < keyLength; i++) {
      hash = 31 * hash + key[i];
    }
    int mask = table.length - 1;
    int slot = (hash ^ hash >>> 16) & mask;
    while (table[slot] != null && !hasKey(table[slot], key, keyLength)) {
      slot = slot + 1 & mask;
    }
    return slot;
  }

  private static boolean hasKey(Item item, byte[] key, int keyLength) {
    return Arrays.equals(item.keyAndValue(), 0, item.keyLength(), key, 0, keyLength);
  }
}
