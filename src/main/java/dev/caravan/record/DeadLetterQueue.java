// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.camel.support.ExceptionHelper;

/**
 * The dead letter queue of a task. Documents that cannot be converted to records, and records that
 * Kafka refuses, are sent to its topic. Without a topic, they are skipped. Immutable.
 *
 * @param topic the topic; empty for none
 * @param connector the name of the connector
 * @param task the number of the task, from 0
 * @param hasErrorHeaders whether records have headers that describe the error
 */
public record DeadLetterQueue(String topic, String connector, int task, boolean hasErrorHeaders) {
  /** The header with the size in bytes of a value that was omitted because it was too large. */
  public static final String VALUE_OMITTED_HEADER = "caravan.value.omitted";

  /** The prefix of Kafka Connect's headers for errors (KIP-298). */
  private static final String PREFIX = "__connect.errors.";

  /** Returns whether there is a topic; without one, documents are skipped. */
  public boolean hasTopic() {
    return !topic.isEmpty();
  }

  /**
   * Returns the headers that describe an error, none if they are disabled.
   *
   * @param stage the stage that failed, for example {@code KAFKA_PRODUCE}
   */
  public Map<String, String> errorHeaders(String stage, Throwable error) {
    if (!hasErrorHeaders) {
      return Map.of();
    }
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put(PREFIX + "connector.name", connector);
    headers.put(PREFIX + "task.id", Integer.toString(task));
    headers.put(PREFIX + "stage", stage);
    headers.put(PREFIX + "exception.class.name", error.getClass().getName());
    headers.put(PREFIX + "exception.message", String.valueOf(error.getMessage()));
    headers.put(PREFIX + "exception.stacktrace", ExceptionHelper.stackTraceToString(error));
    return headers;
  }
}
