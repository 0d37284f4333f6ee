// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import java.util.Locale;

/**
 * A time when tasks may have ended without committing what they had delivered. Times are in
 * milliseconds since the epoch.
 *
 * @param start when it began
 * @param end when whatever had gone wrong was right again, or when a process had ended
 * @param scope what was touched by it
 */
public record ChaosOutage(Kind kind, long start, long end, Scope scope) {
  /** Which vBuckets of which connectors a fault touches. */
  @FunctionalInterface
  public interface Scope {
    boolean contains(String connector, int vbucket);
  }

  /** In place of a time to settle: the tasks deliver nothing more from the start on. */
  private static final int AT_START = -1;

  public static final Scope EVERYTHING = (connector, vbucket) -> true;

  /** What happened. */
  public enum Kind {
    /** A worker's process was killed. */
    KILLED(true, AT_START),
    /** A worker's process was stopped as by SIGSTOP. */
    SUSPENDED(true, AT_START),
    /** A worker was cut off from Kafka. */
    PARTITIONED(true, AT_START),
    /** There was no broker. */
    BROKER(true, 5000),
    /** The machine was too busy for its processes. */
    STARVED(true, 5000),
    /** A worker was stopped as by SIGTERM. */
    STOPPED(false, 1000),
    /** A worker was started again, and gets tasks that others have. */
    STARTED(false, 1000),
    /** A worker's network to Kafka was slow, narrow or reset connections. */
    NETWORK(false, 1000),
    /** A connector was edited, paused, stopped, or deleted and created again. */
    CHANGED(false, 5000),
    /** Kafka refused a document, which may fail a task. */
    REFUSED(false, 1000);

    private final boolean abrupt;
    private final int settleMillis;

    Kind(boolean abrupt, int settleMillis) {
      this.abrupt = abrupt;
      this.settleMillis = settleMillis;
    }

    /** Whether tasks that it ends commit nothing any more. */
    boolean isAbrupt() {
      return abrupt;
    }

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Until when tasks that it ends may have delivered, in milliseconds since the epoch. */
  long lastDelivery() {
    return kind.settleMillis == AT_START ? start : end + kind.settleMillis;
  }
}
