// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import com.fasterxml.jackson.databind.node.TextNode;
import java.nio.charset.StandardCharsets;

/** JSON texts that are too small for a tree. */
final class Json {
  private Json() {}

  static byte[] bytes(String json) {
    return json.getBytes(StandardCharsets.UTF_8);
  }

  static String quoted(String text) {
    return TextNode.valueOf(text).toString();
  }
}
