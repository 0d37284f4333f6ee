// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/**
 * How a task is doing.
 *
 * @param phase what it is at
 * @param error what keeps it from streaming, null if nothing is known to
 */
public record TaskStatus(Phase phase, @Nullable Throwable error) {
  /** What a task is at. */
  public enum Phase {
    /** It tries to reach Couchbase, and goes on trying whatever the error. */
    CONNECTING,
    /** Its streams are open. */
    STREAMING,
    /** It stopped for an error that does not go away by itself. */
    FAILED,
    /** It was stopped. */
    STOPPED
  }

  public TaskStatus {
    requireNonNull(phase, "phase is null");
  }
}
