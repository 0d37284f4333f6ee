// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

import com.fasterxml.jackson.databind.node.TextNode;
import java.nio.charset.StandardCharsets;

/** JSON texts that are too small for a tree. */
public final class Json {
  private Json() {}

  public static byte[] bytes(String json) {
    return json.getBytes(StandardCharsets.UTF_8);
  }

  public static String quoted(String text) {
    return TextNode.valueOf(text).toString();
  }
}
