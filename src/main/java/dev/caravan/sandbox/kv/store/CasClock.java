// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

/**
 * CAS values: nanoseconds since 1970 whose lower 16 bits count. They only grow. Not thread-safe:
 * guarded by its vBucket's lock.
 */
final class CasClock {
  private static final long COUNTER = 0xffff;

  private long latest;

  long next() {
    long clock = System.currentTimeMillis() * 1_000_000 & ~COUNTER;
    latest = Math.max(clock, latest + 1);
    return latest;
  }
}
