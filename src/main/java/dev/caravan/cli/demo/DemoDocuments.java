// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.demo;

import java.util.AbstractList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** The documents of the demo. The number of a document determines its content. */
final class DemoDocuments {
  private static final String PREFIX = "order::";
  private static final List<String> STATES = List.of("open", "paid", "packed", "shipped");

  private DemoDocuments() {}

  static Map<String, Object> document(int number) {
    Random random = new Random(number);
    Map<String, Object> document = new LinkedHashMap<>();
    document.put("id", id(number));
    document.put("number", number);
    document.put("state", STATES.get(random.nextInt(STATES.size())));
    document.put("cents", random.nextInt(100_000));
    document.put("note", Long.toHexString(random.nextLong()));
    return document;
  }

  static String id(int number) {
    return PREFIX + number;
  }

  /** The number of a document, or -1 if the id is not one of the demo's. */
  static int number(String id) {
    return id.startsWith(PREFIX) ? Integer.parseInt(id.substring(PREFIX.length())) : -1;
  }

  /** Documents {@code from} (inclusive) to {@code to} (exclusive), generated on access. */
  static List<Map<String, Object>> range(int from, int to) {
    return new AbstractList<>() {
      @Override
      public Map<String, Object> get(int index) {
        return document(from + index);
      }

      @Override
      public int size() {
        return to - from;
      }
    };
  }
}
