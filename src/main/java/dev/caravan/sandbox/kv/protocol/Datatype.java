// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

import java.io.IOException;
import org.xerial.snappy.Snappy;

/** The bits that say what a value is, and the conversions between its forms. */
public final class Datatype {
  public static final int RAW = 0;
  public static final int JSON = 1;
  public static final int SNAPPY = 2;
  public static final int XATTR = 4;

  private Datatype() {}

  /** JSON if the value is one JSON text, which is how a node decides it; otherwise RAW. */
  public static int of(byte[] value) {
    return JsonSyntax.isJson(value, 0, value.length) ? JSON : RAW;
  }

  /**
   * Inflates a snappy block.
   *
   * @throws IOException when it is not one
   */
  public static byte[] inflate(byte[] compressed) throws IOException {
    if (!Snappy.isValidCompressedBuffer(compressed)) {
      throw new IOException("not a snappy block: " + compressed.length + " bytes");
    }
    return Snappy.uncompress(compressed);
  }

  public static byte[] deflate(byte[] value) {
    try {
      return Snappy.compress(value);
    } catch (IOException e) {
      throw new IllegalStateException("snappy can't compress " + value.length + " bytes", e);
    }
  }
}
