// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.util.List;

/**
 * How a connector and its tasks are doing, in Kafka Connect's terms.
 *
 * @param name the connector
 * @param connector the connector itself
 * @param tasks its tasks, in the order of their numbers
 */
public record ConnectorStatus(String name, Part connector, List<Part> tasks) {
  /** Kafka Connect's states, as far as they occur. */
  public enum State {
    /** Not streaming yet; the trace tells what it waits for. */
    UNASSIGNED,
    RUNNING,
    FAILED
  }

  /**
   * A connector or a task.
   *
   * @param state what it is at
   * @param workerId {@code host:port} of the worker that runs it
   * @param trace why it is not running, empty if there is nothing to tell
   */
  public record Part(State state, String workerId, String trace) {}
}
