// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.change;

/**
 * Reads the start of a Snappy block: the inflated size as a little-endian base-128 varint
 * (google/snappy, format_description.txt, section 1).
 */
final class SnappyPreamble {
  private SnappyPreamble() {}

  /** The size that the block inflates to; the block's own size if it is no Snappy block. */
  static int inflatedSize(byte[] block) {
    long size = 0;
    for (int i = 0; i < Math.min(block.length, 5); i++) {
      size |= (long) (block[i] & 0x7f) << (7 * i);
      if (block[i] >= 0) {
        return size <= Integer.MAX_VALUE ? (int) size : block.length;
      }
    }
    return block.length;
  }
}
