// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;

/**
 * What GET_ERROR_MAP answers: the statuses of this node, for clients that don't know one by its
 * number.
 */
final class ErrorMap {
  private static final int NEWEST_VERSION = 2;
  private static final int REVISION_OF_V1 = 5;
  private static final int REVISION_OF_V2 = 1;

  private ErrorMap() {}

  /**
   * The map as JSON.
   *
   * @param version the newest one that the client understands, 1 or more
   */
  static byte[] json(int version) {
    int given = Math.min(version, NEWEST_VERSION);
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    ObjectNode errors = root.putObject("errors");
    for (Status status : Status.values()) {
      ObjectNode error = errors.putObject(Integer.toHexString(status.code()));
      ArrayNode attributes = error.putArray("attrs");
      for (String attribute : status.attributes()) {
        attributes.add(attribute);
      }
      error.put("desc", status.description()).put("name", status.name());
    }
    root.put("revision", given == 1 ? REVISION_OF_V1 : REVISION_OF_V2).put("version", given);
    return root.toString().getBytes(StandardCharsets.UTF_8);
  }
}
