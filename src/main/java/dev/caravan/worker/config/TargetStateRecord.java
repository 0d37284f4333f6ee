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
 * A connector's target state in the config topic, as Kafka Connect writes it: the key {@code
 * target-state-<name>}, the value {@code {"state":"PAUSED","state.v2":"STOPPED"}}, where {@code
 * state} is what workers before Kafka 3.5 understand, or null for a connector that was deleted.
 *
 * @param name the connector
 * @param state its target state; null if there is none any more
 */
public record TargetStateRecord(String name, @Nullable TargetState state) implements ConfigChange {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String KEY_PREFIX = "target-state-";
  private static final String STATE = "state";
  private static final String STATE_V2 = "state.v2";

  /** Whose target state this is, or empty for a record of another kind. */
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
  static TargetStateRecord read(String name, byte @Nullable [] value) throws IOException {
    if (value == null) {
      return new TargetStateRecord(name, null);
    }
    JsonNode parsed = JSON.readTree(value);
    String state = parsed.path(STATE_V2).asText(parsed.path(STATE).asText());
    try {
      return new TargetStateRecord(name, TargetState.valueOf(state));
    } catch (IllegalArgumentException e) {
      throw new IOException("its state \"" + state + "\" is none of Kafka Connect's", e);
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
