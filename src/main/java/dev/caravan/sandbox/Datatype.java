// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.xerial.snappy.Snappy;

/** The bits that say what a value is, and the conversions between its forms. */
final class Datatype {
  static final int RAW = 0;
  static final int JSON = 1;
  static final int SNAPPY = 2;
  static final int XATTR = 4;

  private static final JsonFactory JSON_FACTORY = new JsonFactory();

  private Datatype() {}

  /** Whether the value is one JSON text, which is how a node decides that a document is JSON. */
  static boolean isJson(byte[] value, int offset, int length) {
    for (int i = offset; i < offset + length; i++) {
      if (value[i] == 0) {
        // No UTF-8 JSON has one; the parser here would take it for UTF-16.
        return false;
      }
    }
    try (JsonParser parser = JSON_FACTORY.createParser(value, offset, length)) {
      JsonToken first = parser.nextToken();
      if (first == null) {
        return false;
      }
      parser.skipChildren();
      if (first.isScalarValue()) {
        parser.getText();
      }
      return parser.nextToken() == null;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Inflates a snappy block.
   *
   * @throws IOException when it is not one
   */
  static byte[] inflate(byte[] compressed) throws IOException {
    if (!Snappy.isValidCompressedBuffer(compressed)) {
      throw new IOException("not a snappy block: " + compressed.length + " bytes");
    }
    return Snappy.uncompress(compressed);
  }

  static byte[] deflate(byte[] value) {
    try {
      return Snappy.compress(value);
    } catch (IOException e) {
      throw new IllegalStateException("snappy can't compress " + value.length + " bytes", e);
    }
  }

  /** The length of the extended attributes at the start of an inflated value with that datatype. */
  static int xattrsLength(byte[] value) {
    return Integer.BYTES + readInt(value, 0);
  }

  /**
   * Puts extended attributes before a body.
   *
   * <pre>
   *   length of all that follows up to the body (4)
   *   for each attribute: length of the rest (4)  name 0x00  JSON value 0x00
   * </pre>
   *
   * @param namesAndValues name, JSON value, name, JSON value, ...
   */
  static byte[] withXattrs(byte[] body, String... namesAndValues) {
    ByteArrayOutputStream pairs = new ByteArrayOutputStream();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      byte[] name = namesAndValues[i].getBytes(StandardCharsets.UTF_8);
      byte[] value = namesAndValues[i + 1].getBytes(StandardCharsets.UTF_8);
      pairs.writeBytes(intBytes(name.length + value.length + 2));
      pairs.writeBytes(name);
      pairs.write(0);
      pairs.writeBytes(value);
      pairs.write(0);
    }
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(intBytes(pairs.size()));
    all.writeBytes(pairs.toByteArray());
    all.writeBytes(body);
    return all.toByteArray();
  }

  /**
   * What a deletion keeps of a value with extended attributes: the system ones, whose names start
   * with an underscore.
   *
   * @return the attributes without a body, empty when there is no system attribute
   */
  static byte[] systemXattrs(byte[] value) {
    ByteArrayOutputStream kept = new ByteArrayOutputStream();
    int end = xattrsLength(value);
    for (int at = Integer.BYTES; at < end; ) {
      int length = readInt(value, at);
      if (value[at + Integer.BYTES] == '_') {
        kept.write(value, at, Integer.BYTES + length);
      }
      at += Integer.BYTES + length;
    }
    if (kept.size() == 0) {
      return new byte[0];
    }
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(intBytes(kept.size()));
    all.writeBytes(kept.toByteArray());
    return all.toByteArray();
  }

  private static byte[] intBytes(int value) {
    return new byte[] {
      (byte) (value >>> 24), (byte) (value >>> 16), (byte) (value >>> 8), (byte) value
    };
  }

  private static int readInt(byte[] bytes, int at) {
    return (bytes[at] & 0xff) << 24
        | (bytes[at + 1] & 0xff) << 16
        | (bytes[at + 2] & 0xff) << 8
        | bytes[at + 3] & 0xff;
  }
}
