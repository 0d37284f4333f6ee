// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Extended attributes as they stand before the body of a value whose datatype says so.
 *
 * <pre>
 *   length of all that follows up to the body (4)
 *   for each attribute: length of the rest (4)  name 0x00  JSON value 0x00
 * </pre>
 */
public final class Xattrs {
  private Xattrs() {}

  /** The length of the attributes at the start of an inflated value that has them. */
  public static int length(byte[] value) {
    return Integer.BYTES + ByteBuffer.wrap(value).getInt();
  }

  /** The attributes of an inflated value that has them, by name, as JSON texts. */
  public static Map<String, String> parse(byte[] value) {
    Map<String, String> all = new LinkedHashMap<>();
    ByteBuffer in = ByteBuffer.wrap(value, Integer.BYTES, length(value) - Integer.BYTES);
    while (in.hasRemaining()) {
      byte[] pair = new byte[in.getInt()];
      in.get(pair);
      String[] parts = new String(pair, StandardCharsets.UTF_8).split("\0", 3);
      all.put(parts[0], parts[1]);
    }
    return all;
  }

  /** Puts attributes before a body; without any, it is the body. */
  public static byte[] before(byte[] body, Map<String, String> attributes) {
    if (attributes.isEmpty()) {
      return body;
    }
    ByteArrayOutputStream pairs = new ByteArrayOutputStream();
    attributes.forEach(
        (name, json) -> {
          byte[] pair = (name + '\0' + json + '\0').getBytes(StandardCharsets.UTF_8);
          pairs.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt(pair.length).array());
          pairs.writeBytes(pair);
        });
    ByteBuffer all = ByteBuffer.allocate(Integer.BYTES + pairs.size() + body.length);
    return all.putInt(pairs.size()).put(pairs.toByteArray()).put(body).array();
  }

  /** Puts the attributes of an inflated value that has them before another body. */
  public static byte[] withBody(byte[] value, byte[] body) {
    int length = length(value);
    byte[] all = Arrays.copyOf(value, length + body.length);
    System.arraycopy(body, 0, all, length, body.length);
    return all;
  }

  /**
   * The attributes that survive a deletion: system attributes, whose names start with an
   * underscore.
   *
   * @return the attributes without a body, empty when there is no system attribute
   */
  public static byte[] systemOnly(byte[] value) {
    Map<String, String> attributes = parse(value);
    attributes.keySet().removeIf(name -> !name.startsWith("_"));
    return before(new byte[0], attributes);
  }
}
