// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import dev.caravan.component.CouchbaseDcpMessage;
import java.io.IOException;
import java.util.Base64;

/**
 * Writes values in JSON, with the fields {@code bucket}, {@code document} (the id) and {@code body}
 * (the document):
 *
 * <pre>{@code {"bucket":"travel","document":"airline_10","body":{"name":"40-Mile Air"}}}</pre>
 *
 * The body of a JSON document is the document, byte for byte. The body of any other document is a
 * string with its bytes in base64, and the encoding of the value is {@link #BASE64}. The body of an
 * empty document is null. Couchbase accepts some JSON documents that are not valid UTF-8, such as
 * an unpaired surrogate in a string. They are encoded in base64, because JSON parsers refuse them.
 *
 * <p>Immutable.
 */
public final class DocumentJson implements RecordFormat {
  /** The encoding of a document that is not JSON. */
  public static final String BASE64 = "base64";

  private static final JsonFactory JSON = new JsonFactory();
  private static final byte[] BUCKET = "{\"bucket\":\"".getBytes(UTF_8);
  private static final byte[] DOCUMENT = "\",\"document\":\"".getBytes(UTF_8);
  private static final byte[] BODY = "\",\"body\":".getBytes(UTF_8);
  private static final byte[] NULL = "null".getBytes(UTF_8);
  private static final byte[] END = "}".getBytes(UTF_8);

  @Override
  public Value write(CouchbaseDcpMessage mutation, String topic) {
    byte[] document = mutation.getBody(byte[].class);
    if (document == null || document.length == 0) {
      return new Value(value(mutation, NULL), null);
    }
    if (Utf8.isText(document) && (mutation.isJson() || isJson(document))) {
      return new Value(value(mutation, document), null);
    }
    String base64 = '"' + Base64.getEncoder().encodeToString(document) + '"';
    return new Value(value(mutation, base64.getBytes(ISO_8859_1)), BASE64);
  }

  private static byte[] value(CouchbaseDcpMessage mutation, byte[] body) {
    JsonStringEncoder encoder = JsonStringEncoder.getInstance();
    return concat(
        BUCKET,
        encoder.quoteAsUTF8(mutation.getBucket()),
        DOCUMENT,
        encoder.quoteAsUTF8(mutation.getDocumentId()),
        BODY,
        body,
        END);
  }

  private static byte[] concat(byte[]... parts) {
    int length = 0;
    for (byte[] part : parts) {
      length += part.length;
    }
    byte[] all = new byte[length];
    int at = 0;
    for (byte[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  /**
   * Returns whether text without the server's JSON flag is JSON: some clients write documents
   * without a data type.
   */
  private static boolean isJson(byte[] document) {
    if (!isPlainUtf8(document)) {
      return false;
    }
    try (JsonParser parser = JSON.createParser(document)) {
      if (parser.nextToken() == null) {
        return false;
      }
      parser.skipChildren();
      return parser.nextToken() == null;
    } catch (IOException e) {
      return false;
    }
  }

  /** Excludes input that Jackson accepts, but that is invalid inside of UTF-8 text. */
  private static boolean isPlainUtf8(byte[] document) {
    boolean byteOrderMark = (document[0] & 0xff) == 0xef;
    for (byte b : document) {
      if (b == 0) {
        // UTF-16 or UTF-32, as every JSON text has an ASCII character.
        return false;
      }
    }
    return !byteOrderMark;
  }
}
