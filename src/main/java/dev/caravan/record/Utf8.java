// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Validates UTF-8. */
final class Utf8 {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
  private static final long HIGH_BITS = 0x8080808080808080L;

  private Utf8() {}

  /**
   * Returns whether bytes are well-formed UTF-8. Allocates nothing, and reads eight bytes of ASCII
   * at a time.
   */
  static boolean isText(byte[] bytes) {
    int at = afterAscii(bytes, 0);
    while (at < bytes.length) {
      int length = sequenceLength(bytes, at);
      if (length == 0) {
        return false;
      }
      at += length;
      if (at < bytes.length && bytes[at] >= 0) {
        at = afterAscii(bytes, at);
      }
    }
    return true;
  }

  private static int afterAscii(byte[] bytes, int from) {
    int at = from;
    while (at <= bytes.length - Long.BYTES && ((long) LONGS.get(bytes, at) & HIGH_BITS) == 0) {
      at += Long.BYTES;
    }
    while (at < bytes.length && bytes[at] >= 0) {
      at++;
    }
    return at;
  }

  /**
   * Returns the length of the non-ASCII character at an index, or 0 if it is not well-formed (The
   * Unicode Standard, table 3-7): overlong, an unpaired surrogate, above U+10FFFF, or truncated.
   */
  private static int sequenceLength(byte[] bytes, int at) {
    int first = bytes[at] & 0xff;
    int left = bytes.length - at;
    if (first >= 0xe0 && first < 0xf0) {
      if (left < 3 || !areContinuations(bytes[at + 1], bytes[at + 2])) {
        return 0;
      }
      int highBits = ((first & 0x0f) << 6) | (bytes[at + 1] & 0x3f);
      // Without the last six bits: U+0800 is 0x20, the surrogates are 0x360 to 0x37f.
      return highBits >= 0x20 && (highBits < 0x360 || highBits > 0x37f) ? 3 : 0;
    }
    if (first >= 0xc2 && first < 0xe0) {
      return left >= 2 && areContinuations(bytes[at + 1], bytes[at + 1]) ? 2 : 0;
    }
    if (first < 0xf0 || first > 0xf4 || left < 4) {
      return 0;
    }
    int plane = ((first & 0x07) << 2) | ((bytes[at + 1] >> 4) & 0x03);
    return plane >= 0x01
            && plane <= 0x10
            && areContinuations(bytes[at + 1], bytes[at + 2])
            && areContinuations(bytes[at + 3], bytes[at + 3])
        ? 4
        : 0;
  }

  private static boolean areContinuations(byte one, byte other) {
    return (((one ^ 0x80) | (other ^ 0x80)) & 0xc0) == 0;
  }
}
