// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

/**
 * Keys of documents with the prefix of their collection, as collection-aware clients send them.
 *
 * <p>The prefix is the collection's id as unsigned LEB128: seven bits a byte, lowest first, the top
 * bit set in all bytes but the last. 0x00 is the default collection, 0x88 0x01 is collection 0x88.
 */
public final class DocumentKey {
  private static final int MAX_PREFIX_LENGTH = 5;

  private DocumentKey() {}

  /** The collection of a key whose {@link #prefixLength} is known to be positive. */
  public static int collectionId(byte[] key) {
    int value = 0;
    for (int i = 0; i < MAX_PREFIX_LENGTH; i++) {
      value |= (key[i] & 0x7f) << (7 * i);
      if (key[i] >= 0) {
        break;
      }
    }
    return value;
  }

  /** The number of bytes of the prefix, or -1 when the prefix doesn't end. */
  public static int prefixLength(byte[] key) {
    for (int i = 0; i < Math.min(MAX_PREFIX_LENGTH, key.length); i++) {
      if (key[i] >= 0) {
        return i + 1;
      }
    }
    return -1;
  }

  /** The key of the document of this id. */
  public static byte[] of(int collectionId, byte[] id) {
    int length = 1;
    for (int rest = collectionId >>> 7; rest != 0; rest >>>= 7) {
      length++;
    }
    byte[] result = new byte[length + id.length];
    int rest = collectionId;
    for (int i = 0; i < length; i++) {
      result[i] = (byte) (i == length - 1 ? rest : (rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    System.arraycopy(id, 0, result, length, id.length);
    return result;
  }
}
