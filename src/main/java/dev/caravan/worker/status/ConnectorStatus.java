// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.status;

import java.util.List;

/**
 * How a connector and its tasks are doing, in Kafka Connect's terms.
 *
 * @param name the connector
 * @param connector the connector itself
 * @param tasks its tasks, in the order of their numbers
 */
public record ConnectorStatus(String name, Part connector, List<Part> tasks) {
  /** Kafka Connect's states. */
  public enum State {
    /** No worker has it, or it is not streaming yet; the trace tells what it waits for. */
    UNASSIGNED,
    RUNNING,
    /** It has stopped for an error; the trace tells which, and when it is tried again. */
    FAILED,
    /** Somebody has paused it. */
    PAUSED,
    /** Somebody has stopped it: it has no tasks. */
    STOPPED,
    /** Kafka Connect's, for a task that somebody has asked to start again. */
    RESTARTING
  }

  /**
   * A connector or a task.
   *
   * @param state what it is at
   * @param workerId {@code host:port} of the worker that runs it; empty if no worker has it
   * @param trace why it is not running, empty if there is nothing to tell
   */
  public record Part(State state, String workerId, String trace) {
    private Part withTraceOf(int characters) {
      return trace.length() <= characters
          ? this
          : new Part(state, workerId, trace.substring(0, characters) + "...");
    }
  }

  /** The same, with traces of so many characters at most. */
  public ConnectorStatus withTracesOf(int characters) {
    return new ConnectorStatus(
        name,
        connector.withTraceOf(characters),
        tasks.stream().map(task -> task.withTraceOf(characters)).toList());
  }
}
