// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.status;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.caravan.worker.status.ConnectorStatus.Part;
import dev.caravan.worker.status.ConnectorStatus.State;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A record of the status topic, as Kafka Connect writes it with its JSON converter without schemas:
 *
 * <pre>
 * key    status-connector-NAME, or status-task-NAME-NUMBER
 * value  {"state":"RUNNING","trace":null,"worker_id":"host:8083","generation":4,"config_generation":17}
 * </pre>
 *
 * A null value deletes the status. Kafka Connect ignores {@code config_generation} and does not
 * write it. It is needed because a task has the same key in each configuration of its connector.
 *
 * @param connector the name of the connector
 * @param task the number of the task; empty for the connector itself
 * @param status the status; null if the connector or task is deleted
 * @param groupGeneration the group generation in which the record was written
 * @param configGeneration the config generation of the connector; {@link #NONE} if Kafka Connect
 *     wrote the record
 */
public record StatusRecord(
    String connector,
    OptionalInt task,
    @Nullable Part status,
    int groupGeneration,
    long configGeneration) {
  public static final long NONE = -1;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String CONFIG_GENERATION = "config_generation";
  private static final String CONNECTOR_PREFIX = "status-connector-";
  private static final Pattern TASK = Pattern.compile("status-task-(.*)-([0-9]{1,9})");

  /**
   * Parses a record.
   *
   * @return the record; empty if its key is of another kind
   * @throws IOException if the value does not have Kafka Connect's format
   */
  public static Optional<StatusRecord> read(byte @Nullable [] key, byte @Nullable [] value)
      throws IOException {
    String text = key == null ? "" : new String(key, UTF_8);
    Matcher task = TASK.matcher(text);
    String connector;
    OptionalInt number = OptionalInt.empty();
    if (task.matches()) {
      connector = task.group(1);
      number = OptionalInt.of(Integer.parseInt(task.group(2)));
    } else if (text.startsWith(CONNECTOR_PREFIX)) {
      connector = text.substring(CONNECTOR_PREFIX.length());
    } else {
      return Optional.empty();
    }
    if (value == null) {
      return Optional.of(new StatusRecord(connector, number, null, 0, NONE));
    }
    JsonNode json = JSON.readTree(value);
    Part status =
        new Part(
            state(json.path("state").asText()),
            json.path("worker_id").asText(""),
            json.path("trace").isTextual() ? json.path("trace").textValue() : "");
    return Optional.of(
        new StatusRecord(
            connector,
            number,
            status,
            json.path("generation").asInt(),
            json.path(CONFIG_GENERATION).asLong(NONE)));
  }

  private static State state(String name) throws IOException {
    try {
      // Connect also defines DESTROYED, but never writes it with a value.
      return State.valueOf(name);
    } catch (IllegalArgumentException e) {
      throw new IOException("its state \"" + name + "\" is not one of Kafka Connect's", e);
    }
  }

  public byte[] key() {
    String text =
        task.isPresent()
            ? "status-task-" + connector + "-" + task.getAsInt()
            : CONNECTOR_PREFIX + connector;
    return text.getBytes(UTF_8);
  }

  public byte @Nullable [] value() {
    if (status == null) {
      return null;
    }
    ObjectNode value =
        JsonNodeFactory.instance
            .objectNode()
            .put("state", status.state().name())
            .put("trace", status.trace().isEmpty() ? null : status.trace())
            .put("worker_id", status.workerId())
            .put("generation", groupGeneration);
    if (configGeneration != NONE) {
      value.put(CONFIG_GENERATION, configGeneration);
    }
    try {
      return JSON.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A tree of strings and numbers is always JSON", e);
    }
  }
}
