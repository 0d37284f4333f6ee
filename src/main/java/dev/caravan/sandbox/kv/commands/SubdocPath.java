// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.commands;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.caravan.sandbox.kv.protocol.RefusedException;
import dev.caravan.sandbox.kv.protocol.Status;
import java.util.ArrayList;
import java.util.List;

/**
 * Where in a JSON document: names and array places, as in {@code a.b[0].`c.d`[-1]}. Immutable.
 *
 * @param steps a {@code String} for a name, an {@code Integer} for a place in an array; -1 is its
 *     last
 */
record SubdocPath(List<Object> steps) {
  private static final int LAST = -1;

  static SubdocPath parse(String text) throws RefusedException {
    List<Object> steps = new ArrayList<>();
    int at = 0;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '[') {
        int end = text.indexOf(']', at);
        steps.add(place(end < 0 ? "" : text.substring(at + 1, end)));
        at = end + 1;
      } else {
        int from = c == '.' && !steps.isEmpty() ? at + 1 : at;
        StringBuilder name = new StringBuilder();
        at = name(text, from, name);
        if (name.isEmpty()) {
          throw new RefusedException(Status.SUBDOC_PATH_EINVAL);
        }
        steps.add(name.toString());
      }
    }
    return new SubdocPath(List.copyOf(steps));
  }

  /** Reads a name, in which a backtick protects what would end it; returns where it ends. */
  private static int name(String text, int from, StringBuilder name) throws RefusedException {
    int at = from;
    while (at < text.length() && text.charAt(at) != '.' && text.charAt(at) != '[') {
      if (text.charAt(at) == '`') {
        int end = text.indexOf('`', at + 1);
        if (end < 0) {
          throw new RefusedException(Status.SUBDOC_PATH_EINVAL);
        }
        name.append(text, at + 1, end);
        at = end + 1;
      } else {
        name.append(text.charAt(at++));
      }
    }
    return at;
  }

  private static Integer place(String digits) throws RefusedException {
    try {
      int place = Integer.parseInt(digits);
      if (place >= LAST) {
        return place;
      }
    } catch (NumberFormatException notAPlace) {
      // Refused below, like a place before the first.
    }
    throw new RefusedException(Status.SUBDOC_PATH_EINVAL);
  }

  boolean isRoot() {
    return steps.isEmpty();
  }

  Object last() {
    return steps.get(steps.size() - 1);
  }

  private SubdocPath parent() {
    return new SubdocPath(steps.subList(0, steps.size() - 1));
  }

  /** The value there. */
  JsonNode find(JsonNode root) throws RefusedException {
    JsonNode node = root;
    for (Object step : steps) {
      node = child(node, step);
      if (node == null) {
        throw new RefusedException(Status.SUBDOC_PATH_ENOENT);
      }
    }
    return node;
  }

  /**
   * The value that the last step is in.
   *
   * @param make whether objects that are missing on the way are made
   */
  JsonNode findParent(JsonNode root, boolean make) throws RefusedException {
    JsonNode node = root;
    for (Object step : parent().steps()) {
      JsonNode child = child(node, step);
      if (child == null && make && node instanceof ObjectNode object) {
        child = object.putObject((String) step);
      }
      if (child == null) {
        throw new RefusedException(Status.SUBDOC_PATH_ENOENT);
      }
      node = child;
    }
    return node;
  }

  /** Returns the value of one more step, or null if there is none. */
  static JsonNode child(JsonNode node, Object step) throws RefusedException {
    if (step instanceof String name && node instanceof ObjectNode object) {
      return object.get(name);
    }
    if (step instanceof Integer place && node instanceof ArrayNode array) {
      return array.get(index(array, place));
    }
    throw new RefusedException(Status.SUBDOC_PATH_MISMATCH);
  }

  static int index(ArrayNode array, int place) {
    return place == LAST ? array.size() - 1 : place;
  }
}
