// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

/**
 * Unsigned LEB128, the collection prefix of a key: seven bits a byte, lowest first, the top bit set
 * on all bytes but the last. 0x00 is the default collection, 0x88 0x01 is collection 0x88.
 */
final class Leb128 {
  private static final int MAX_LENGTH = 5;

  private Leb128() {}

  /** The number at the start of a key that was checked with {@link #length}. */
  static int read(byte[] key) {
    int value = 0;
    for (int i = 0; i < MAX_LENGTH; i++) {
      value |= (key[i] & 0x7f) << (7 * i);
      if (key[i] >= 0) {
        break;
      }
    }
    return value;
  }

  /** How many bytes the number at the start takes, or -1 when it doesn't end. */
  static int length(byte[] key) {
    for (int i = 0; i < Math.min(MAX_LENGTH, key.length); i++) {
      if (key[i] >= 0) {
        return i + 1;
      }
    }
    return -1;
  }

  /** The key with its prefix before it. */
  static byte[] prefixed(int collectionId, byte[] key) {
    int length = 1;
    for (int rest = collectionId >>> 7; rest != 0; rest >>>= 7) {
      length++;
    }
    byte[] result = new byte[length + key.length];
    int rest = collectionId;
    for (int i = 0; i < length; i++) {
      result[i] = (byte) (i == length - 1 ? rest : (rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    System.arraycopy(key, 0, result, length, key.length);
    return result;
  }
}
