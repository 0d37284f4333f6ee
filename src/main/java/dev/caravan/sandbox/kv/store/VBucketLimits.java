// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

/**
 * How much a vBucket keeps of its past.
 *
 * @param failoverLogEntries the most entries of its failover log, 1 or more; a real node has {@code
 *     max_failover_entries}, 25 by default
 * @param changesInMemory how far below the high seqno a stream may start and still be sent memory
 *     snapshots, 0 or more
 */
public record VBucketLimits(int failoverLogEntries, int changesInMemory) {
  private static final int FAILOVER_LOG_ENTRIES = 25;
  private static final int CHANGES_IN_MEMORY = 1000;

  public static final VBucketLimits DEFAULT =
      new VBucketLimits(FAILOVER_LOG_ENTRIES, CHANGES_IN_MEMORY);

  public VBucketLimits {
    requireAtLeast(1, "failoverLogEntries", failoverLogEntries);
    requireAtLeast(0, "changesInMemory", changesInMemory);
  }

  private static void requireAtLeast(int least, String name, int value) {
    if (value < least) {
      throw new IllegalArgumentException(name + " must be " + least + " or more, was " + value);
    }
  }

  public VBucketLimits withFailoverLogEntries(int value) {
    return new VBucketLimits(value, changesInMemory);
  }

  public VBucketLimits withChangesInMemory(int value) {
    return new VBucketLimits(failoverLogEntries, value);
  }
}
