// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The record of a connector's configuration. It is byte for byte what Kafka Connect writes with its
 * JSON converter without schemas. The key is {@code connector-<name>}. The value is {@code
 * {"properties":{...}}}, or null for a deleted connector.
 *
 * @param name the name of the connector
 * @param properties the properties of the connector; null if it is deleted
 */
public record ConfigRecord(String name, @Nullable Map<String, String> properties)
    implements ConfigChange {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String KEY_PREFIX = "connector-";
  private static final String PROPERTIES = "properties";

  /** Returns the name of the connector of a key; empty if the key is of another kind. */
  static Optional<String> connectorOf(byte @Nullable [] key) {
    String text = key == null ? "" : new String(key, UTF_8);
    return text.startsWith(KEY_PREFIX)
        ? Optional.of(text.substring(KEY_PREFIX.length()))
        : Optional.empty();
  }

  /**
   * Parses a value.
   *
   * @param value the value of the record; null for a deleted connector
   * @throws IOException if the value does not have Kafka Connect's format
   */
  static ConfigRecord read(String name, byte @Nullable [] value) throws IOException {
    if (value == null) {
      return new ConfigRecord(name, null);
    }
    JsonNode properties = JSON.readTree(value).path(PROPERTIES);
    if (!properties.isObject()) {
      throw new IOException("it has no object \"" + PROPERTIES + "\"");
    }
    Map<String, String> read = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> property : properties.properties()) {
      if (property.getValue().isTextual()) {
        read.put(property.getKey(), property.getValue().textValue());
      } else if (!property.getValue().isNull()) {
        throw new IOException("its property \"" + property.getKey() + "\" is not a string");
      }
    }
    return new ConfigRecord(name, read);
  }

  @Override
  public byte[] key() {
    return (KEY_PREFIX + name).getBytes(UTF_8);
  }

  @Override
  public byte @Nullable [] value() {
    if (properties == null) {
      return null;
    }
    ObjectNode value = JsonNodeFactory.instance.objectNode();
    ObjectNode object = value.putObject(PROPERTIES);
    properties.forEach(object::put);
    try {
      return JSON.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A tree of strings is always JSON", e);
    }
  }

  /** Returns the name only. The properties may contain secrets. */
  @Override
  public String toString() {
    return "ConfigRecord[" + name + "]";
  }
}
