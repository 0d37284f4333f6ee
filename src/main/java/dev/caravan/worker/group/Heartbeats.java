// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import java.time.Duration;
import java.util.OptionalLong;

/**
 * Finds out when the last heartbeat was sent that the group has accepted. Kafka's client has
 * metrics only of how many answers there were, and how long the slowest of the last few seconds
 * took.
 *
 * <p>It counts an answer before it looks whether that is an error. After an error that means that
 * the group has forgotten this worker, the client joins again with its next poll; so an answer
 * counts here only if no join follows in the poll after it.
 *
 * <p>An answer NOT_COORDINATOR counts as accepted, since no metric differs. It does no harm as long
 * as brokers agree on the coordinator of the group within a third of the session timeout: a broker
 * that becomes the coordinator begins the sessions of all members again, and after such an answer
 * the client sends no heartbeat before it has asked which broker is the coordinator.
 *
 * <p>Not thread-safe: for the thread that polls the group. Times are as of {@link System#nanoTime}.
 */
final class Heartbeats {
  /** Over how long the client remembers the slowest answer, at least. */
  static final Duration WINDOW = Duration.ofSeconds(2);

  private double answered;
  private long observed;
  private OptionalLong candidate = OptionalLong.empty();

  Heartbeats(long now) {
    observed = now;
  }

  /**
   * Looks at the metrics; to be called after each poll.
   *
   * @param total how many answers there were ever
   * @param slowest how many milliseconds the slowest answer of the last few seconds took
   * @param joining whether the worker has begun to join since the call before
   * @return when a heartbeat was sent that the group has accepted, or a little earlier; empty if
   *     none was accepted since the call before
   */
  OptionalLong observe(double total, double slowest, boolean joining, long now) {
    OptionalLong accepted = joining ? OptionalLong.empty() : candidate;
    // After a long pause, the client may have forgotten how slow the answer was.
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
