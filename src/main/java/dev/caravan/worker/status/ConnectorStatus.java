// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.status;

import java.util.List;

/**
 * The status of a connector and its tasks, as in Kafka Connect.
 *
 * @param name the name of the connector
 * @param connector the status of the connector itself
 * @param tasks the status of its tasks, by task number
 */
public record ConnectorStatus(String name, Part connector, List<Part> tasks) {
  /** The states of Kafka Connect. */
  public enum State {
    /** No worker runs it, or it does not stream yet. The trace gives the reason if there is one. */
    UNASSIGNED,
    RUNNING,
    /** It stopped because of an error. The trace has the error and the time of the next retry. */
    FAILED,
    /** A user paused it. */
    PAUSED,
    /** A user stopped it. It has no tasks. */
    STOPPED,
    /** A user requested a restart. Only Kafka Connect writes this state. */
    RESTARTING
  }

  /**
   * The status of a connector or of a task.
   *
   * @param state the state
   * @param workerId the {@code host:port} of its worker; empty if it has none
   * @param trace why it does not run or what it waits for; empty if there is nothing to report
   */
  public record Part(State state, String workerId, String trace) {
    private Part withTraceOf(int characters) {
      return trace.length() <= characters
          ? this
          : new Part(state, workerId, trace.substring(0, characters) + "...");
    }
  }

  /** Returns this status with each trace cut to a number of characters. */
  public ConnectorStatus withTracesOf(int characters) {
    return new ConnectorStatus(
        name,
        connector.withTraceOf(characters),
        tasks.stream().map(task -> task.withTraceOf(characters)).toList());
  }
}
