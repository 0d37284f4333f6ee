// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.admin;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The arguments of a command of the sandbox: a query string. Immutable. Every getter throws {@link
 * IllegalArgumentException} with the name and the value when the value is not valid.
 */
final class AdminArguments {
  private static final String DEFAULT_BUCKET = "default";

  private final Map<String, String> values;

  private AdminArguments(Map<String, String> values) {
    this.values = values;
  }

  /**
   * Reads {@code name=value&name=value}.
   *
   * @param query percent-encoded, null for none
   */
  static AdminArguments parse(@Nullable String query) {
    Map<String, String> values = new HashMap<>();
    if (query != null && !query.isEmpty()) {
      for (String pair : query.split("&", -1)) {
        String[] parts = pair.split("=", 2);
        values.put(parts[0], parts.length == 2 ? decode(parts[1]) : "");
      }
    }
    return new AdminArguments(values);
  }

  private static String decode(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }

  boolean has(String name) {
    return values.containsKey(name);
  }

  /** The bucket, {@code default} if none is named. */
  String bucket() {
    return values.getOrDefault("bucket", DEFAULT_BUCKET);
  }

  /** The number of a node. */
  int node() {
    return number("node");
  }

  /** The numbers of several nodes, with commas between them. */
  List<Integer> nodes() {
    return Arrays.stream(values.getOrDefault("node", "").split(",", -1))
        .map(text -> number("node", text))
        .toList();
  }

  /** A duration in milliseconds, 0 or more. */
  int millis() {
    return number("ms");
  }

  /**
   * One of the constants of an enum, whose names are written in small letters.
   *
   * @param type the enum
   */
  <E extends Enum<E>> E choice(String name, Class<E> type) {
    String value = values.getOrDefault(name, "");
    List<String> names = new ArrayList<>();
    for (E constant : type.getEnumConstants()) {
      String known = constant.name().toLowerCase(Locale.ROOT);
      if (known.equals(value)) {
        return constant;
      }
      names.add(known);
    }
    throw new IllegalArgumentException(
        "\"" + name + "\" must be one of " + String.join(", ", names) + ", was \"" + value + "\"");
  }

  /** A whole number from 0 on. */
  int number(String name) {
    String value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("\"" + name + "\" is missing; give it as ?" + name + "=1");
    }
    return number(name, value);
  }

  private static int number(String name, String value) {
    try {
      return Integer.parseUnsignedInt(value);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "\"" + name + "\" must be a whole number from 0 on, was \"" + value + "\"", e);
    }
  }
}
