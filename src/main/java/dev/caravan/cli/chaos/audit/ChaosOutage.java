// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos.audit;

import java.util.Locale;

/**
 * A period in which tasks may have ended without committing the offsets of their records. Times are
 * in milliseconds since the epoch.
 *
 * @param start the start of the fault
 * @param end the time of the repair, or of the end of a process
 * @param scope the vBuckets that the fault touched
 */
public record ChaosOutage(OutageKind kind, long start, long end, OutageScope scope) {
  /** The vBuckets that a fault touches, per connector. */
  @FunctionalInterface
  public interface OutageScope {
    boolean contains(String connector, int vbucket);
  }

  /** Instead of a settle time: the tasks deliver nothing after the start. */
  private static final int AT_START = -1;

  public static final OutageScope EVERYTHING = (connector, vbucket) -> true;

  /** The kind of fault. */
  public enum OutageKind {
    /** A worker's process was killed. */
    KILLED(true, AT_START),
    /** A worker's process was suspended with SIGSTOP. */
    SUSPENDED(true, AT_START),
    /** A worker was cut off from Kafka. */
    PARTITIONED(true, AT_START),
    /** The broker was down. */
    BROKER(true, 5000),
    /** The machine was too busy for its processes. */
    STARVED(true, 5000),
    /** A worker was stopped with SIGTERM. */
    STOPPED(false, 1000),
    /** A worker was started again and takes over tasks of others. */
    STARTED(false, 1000),
    /** The network from a worker to Kafka was slow or narrow, or its connections were reset. */
    NETWORK(false, 1000),
    /** A connector was edited, paused, stopped, or deleted and created again. */
    CHANGED(false, 5000),
    /** Kafka refused a document, which may fail a task. */
    REFUSED(false, 1000);

    private final boolean abrupt;
    private final int settleMillis;

    OutageKind(boolean abrupt, int settleMillis) {
      this.abrupt = abrupt;
      this.settleMillis = settleMillis;
    }

    /** Whether tasks end without a last commit. */
    boolean isAbrupt() {
      return abrupt;
    }

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The end of possible deliveries by tasks that it ended, in milliseconds since the epoch. */
  long lastDelivery() {
    return kind.settleMillis == AT_START ? start : end + kind.settleMillis;
  }
}
