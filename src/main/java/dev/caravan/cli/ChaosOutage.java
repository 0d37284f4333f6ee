// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import java.util.Locale;

/**
 * A time when tasks may have ended without committing what they had delivered. Times are in
 * milliseconds since the epoch.
 *
 * @param start when it began
 * @param end when whatever had gone wrong was right again, or when a process had ended
 * @param scope what was touched by it
 */
record ChaosOutage(Kind kind, long start, long end, Scope scope) {
  /** Which vBuckets of which connectors a fault touches. */
  @FunctionalInterface
  interface Scope {
    boolean contains(String connector, int vbucket);
  }

  static final Scope EVERYTHING = (connector, vbucket) -> true;

  /** What happened. */
  enum Kind {
    /** A worker's process was killed. */
    KILLED(true, false),
    /** A worker's process was stopped as by SIGSTOP. */
    SUSPENDED(true, false),
    /** A worker was cut off from Kafka. */
    PARTITIONED(true, false),
    /** There was no broker. */
    BROKER(true, true),
    /** The machine was too busy for its processes. */
    STARVED(true, true),
    /** A worker was stopped as by SIGTERM. */
    STOPPED(false, true),
    /** A worker's network to Kafka was slow, narrow or reset connections. */
    NETWORK(false, true),
    /** A connector was edited, paused, stopped, or deleted and created again. */
    CHANGED(false, true),
    /** Kafka refused a document, which may fail a task. */
    REFUSED(false, true);

    private final boolean abrupt;
    private final boolean lasting;

    Kind(boolean abrupt, boolean lasting) {
      this.abrupt = abrupt;
      this.lasting = lasting;
    }

    /** Whether tasks that it ends commit nothing any more. */
    boolean isAbrupt() {
      return abrupt;
    }

    /** Whether records may still be delivered by the same tasks after it has begun. */
    boolean isLasting() {
      return lasting;
    }

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
