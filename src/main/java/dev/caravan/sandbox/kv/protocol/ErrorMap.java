// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * The answer to GET_ERROR_MAP: every status of the protocol, including those that this node never
 * sends. Clients use it for numbers that they don't know. The errors are in {@code errors.json}.
 */
public final class ErrorMap {
  private static final byte[] VERSION_1 = render(1, 5);
  private static final byte[] VERSION_2 = render(2, 1);

  private ErrorMap() {}

  /**
   * The map as JSON, which is shared and must not be changed.
   *
   * @param version the newest one that the client understands, 1 or more
   */
  public static byte[] json(int version) {
    return version == 1 ? VERSION_1 : VERSION_2;
  }

  private static byte[] render(int version, int revision) {
    try (InputStream in = ErrorMap.class.getResourceAsStream("errors.json")) {
      ObjectMapper mapper = new ObjectMapper();
      JsonNode errors = mapper.readTree(in);
      ObjectNode root = mapper.createObjectNode();
      root.set("errors", errors);
      root.put("revision", revision).put("version", version);
      return root.toString().getBytes(StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("errors.json is missing or broken in the jar", e);
    }
  }
}
