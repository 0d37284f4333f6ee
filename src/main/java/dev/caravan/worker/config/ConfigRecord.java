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
 * A connector's record in the config topic, byte for byte as Kafka Connect writes it with its JSON
 * converter and no schemas: the key {@code connector-<name>}, the value {@code
 * {"properties":{...}}}, or null for a connector that was deleted.
 *
 * @param name the connector
 * @param properties its properties; null if it was deleted
 */
public record ConfigRecord(String name, @Nullable Map<String, String> properties)
    implements ConfigChange {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String KEY_PREFIX = "connector-";
  private static final String PROPERTIES = "properties";

  /** Whose record this is: the connector's name, or empty for a record of another kind. */
  static Optional<String> connectorOf(byte @Nullable [] key) {
    String text = key == null ? "" : new String(key, UTF_8);
    return text.startsWith(KEY_PREFIX)
        ? Optional.of(text.substring(KEY_PREFIX.length()))
        : Optional.empty();
  }

  /**
   * @param value the record's value, null for a deletion
   * @throws IOException if the value is not what Kafka Connect writes
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
        throw new IOException("its property \"" + property.getKey() + "\" is no string");
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

  /** Names the connector only: the properties may hold secrets. */
  @Override
  public String toString() {
    return "ConfigRecord[" + name + "]";
  }
}
