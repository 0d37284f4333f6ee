// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import java.time.Duration;
import java.util.OptionalLong;

/**
 * Determines when the last accepted heartbeat was sent. Kafka's client has only two metrics for it:
 * the number of answers, and the longest response time of the last few seconds.
 *
 * <p>The client counts an answer before it checks it for an error. After an error which means that
 * the member is unknown, the client joins again with the next poll. So an answer counts here only
 * if no join follows in the next poll.
 *
 * <p>The answer NOT_COORDINATOR counts as accepted, because no metric shows it. This is safe as
 * long as the brokers agree on the group's coordinator within a third of the session timeout: a new
 * coordinator restarts the sessions of all members, and the client sends no heartbeat before it has
 * found the new coordinator.
 *
 * <p>Not thread-safe: for the thread that polls the group. Times are values of {@link
 * System#nanoTime}.
 */
final class Heartbeats {
  /** The minimum time for which the client remembers the longest response time. */
  static final Duration WINDOW = Duration.ofSeconds(2);

  private double answered;
  private long observed;
  private OptionalLong candidate = OptionalLong.empty();

  Heartbeats(long now) {
    observed = now;
  }

  /**
   * Evaluates the metrics. Must be called after each poll.
   *
   * @param total the total number of heartbeat answers
   * @param slowest the longest response time of the last few seconds, in milliseconds
   * @param joining whether the worker has begun to join since the last call
   * @return when an accepted heartbeat was sent, or a slightly earlier time; empty if none was
   *     accepted since the last call
   */
  OptionalLong observe(double total, double slowest, boolean joining, long now) {
    OptionalLong accepted = joining ? OptionalLong.empty() : candidate;
    // After a long pause, the client may have forgotten the longest response time.
    boolean isTimely = now - observed < WINDOW.toNanos() && slowest >= 0;
    candidate =
        total > answered && !joining && isTimely
            ? OptionalLong.of(observed - (long) (slowest * 1e6))
            : OptionalLong.empty();
    answered = total;
    observed = now;
    return accepted;
  }
}
