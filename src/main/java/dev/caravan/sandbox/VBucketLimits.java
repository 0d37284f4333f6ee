// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

/**
 * How much a vBucket keeps of its past.
 *
 * @param failoverLogEntries the most entries of its failover log, 1 or more; a real node has {@code
 *     max_failover_entries}, 25 by default
 */
record VBucketLimits(int failoverLogEntries) {
  private static final int FAILOVER_LOG_ENTRIES = 25;

  static final VBucketLimits DEFAULT = new VBucketLimits(FAILOVER_LOG_ENTRIES);

  VBucketLimits {
    requirePositive("failoverLogEntries", failoverLogEntries);
  }

  private static void requirePositive(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " must be 1 or more, was " + value);
    }
  }

  VBucketLimits withFailoverLogEntries(int value) {
    return new VBucketLimits(value);
  }
}
