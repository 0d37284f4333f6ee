// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import org.xerial.snappy.Snappy;

/** The bits that say what a value is, and the conversions between its forms. */
final class Datatype {
  static final int RAW = 0;
  static final int JSON = 1;
  static final int SNAPPY = 2;
  static final int XATTR = 4;

  /** The parser's own limit is less than the largest document. */
  private static final JsonFactory JSON_FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(DocumentRequest.MAX_VALUE_LENGTH)
                  .build())
          .build();

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
}
