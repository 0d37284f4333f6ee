// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What becomes of documents that can't be made records, or that Kafka refuses: they go to a topic
 * of their own, with the reason in headers; or, without such a topic, they are left out. Immutable.
 *
 * @param topic the dead-letter topic; empty for none
 * @param connector the name of the connector
 * @param task the number of the task
 * @param reasons whether the reason is in headers
 */
public record DeadLetters(String topic, String connector, int task, boolean reasons) {
  /**
   * The header of a dead letter which says that its value was left out, being what was too large.
   */
  public static final String VALUE_OMITTED_HEADER = "caravan.value.omitted";

  /** As Kafka Connect names the headers of its dead letters (KIP-298). */
  private static final String PREFIX = "__connect.errors.";

  /** Whether there is a topic for them. */
  public boolean hasTopic() {
    return !topic.isEmpty();
  }

  /**
   * The headers that tell why.
   *
   * @param stage what was being done, for example {@code KAFKA_PRODUCE}
   */
  public Map<String, String> reason(String stage, Throwable error) {
    if (!reasons) {
      return Map.of();
    }
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put(PREFIX + "connector.name", connector);
    headers.put(PREFIX + "task.id", Integer.toString(task));
    headers.put(PREFIX + "stage", stage);
    headers.put(PREFIX + "exception.class.name", error.getClass().getName());
    headers.put(PREFIX + "exception.message", String.valueOf(error.getMessage()));
    headers.put(PREFIX + "exception.stacktrace", stackTrace(error));
    return headers;
  }

  private static String stackTrace(Throwable error) {
    StringWriter trace = new StringWriter();
    error.printStackTrace(new PrintWriter(trace, true));
    return trace.toString();
  }
}
