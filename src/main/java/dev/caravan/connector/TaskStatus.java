// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/**
 * The status of a task.
 *
 * @param state the state
 * @param error the error that keeps the task from streaming; null for none
 */
public record TaskStatus(TaskState state, @Nullable Throwable error) {
  /** The state of a task. */
  public enum TaskState {
    /** The task connects to Couchbase, and retries after every error. */
    CONNECTING,
    /** The streams are open. */
    STREAMING,
    /** The task has stopped because of an error that a retry does not resolve. */
    FAILED,
    /** The task was stopped. */
    STOPPED
  }

  public TaskStatus {
    requireNonNull(state, "state is null");
  }
}
