// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The record of a connector's target state, as Kafka Connect writes it. The key is {@code
 * target-state-<name>}. The value is {@code {"state":"PAUSED","state.v2":"STOPPED"}}, or null for a
 * deleted connector. Workers before Kafka 3.5 read {@code state}, later ones {@code state.v2}.
 *
 * @param name the name of the connector
 * @param state the target state; null if the connector is deleted
 */
public record TargetStateRecord(String name, @Nullable TargetState state) implements ConfigChange {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String KEY_PREFIX = "target-state-";
  private static final String STATE = "state";
  private static final String STATE_V2 = "state.v2";

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
  static TargetStateRecord read(String name, byte @Nullable [] value) throws IOException {
    if (value == null) {
      return new TargetStateRecord(name, null);
    }
    JsonNode parsed = JSON.readTree(value);
    String state = parsed.path(STATE_V2).asText(parsed.path(STATE).asText());
    try {
      return new TargetStateRecord(name, TargetState.valueOf(state));
    } catch (IllegalArgumentException e) {
      throw new IOException("its state \"" + state + "\" is not one of Kafka Connect's", e);
    }
  }

  @Override
  public byte[] key() {
    return (KEY_PREFIX + name).getBytes(UTF_8);
  }

  @Override
  public byte @Nullable [] value() {
    if (state == null) {
      return null;
    }
    TargetState known = state == TargetState.STOPPED ? TargetState.PAUSED : state;
    try {
      return JSON.writeValueAsBytes(
          JsonNodeFactory.instance
              .objectNode()
              .put(STATE, known.name())
              .put(STATE_V2, state.name()));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A tree of strings is always JSON", e);
    }
  }
}
