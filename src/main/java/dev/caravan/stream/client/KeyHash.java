// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import dev.caravan.stream.rollback.RecentChanges;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Stands for the key of a change, with the number of its collection, where keeping the key itself
 * would take too much memory. Two keys have the same hash with a probability of 2^-64; the seed is
 * another one in each process, so that nobody can choose keys for which it is more.
 */
public final class KeyHash {
  private static final long SEED = ThreadLocalRandom.current().nextLong();
  private static final long MULTIPLIER = 0x9e3779b97f4a7c15L;

  private KeyHash() {}

  /** The hash of a part of a buffer; never {@link RecentChanges#NO_KEY}. */
  static long of(ByteBuf buffer, int start, int end) {
    long hash = SEED ^ (end - start);
    int at = start;
    for (; at + Long.BYTES <= end; at += Long.BYTES) {
      hash = mixed(hash ^ buffer.getLong(at));
    }
    long rest = 0;
    for (; at < end; at++) {
      rest = (rest << Byte.SIZE) | (buffer.getByte(at) & 0xff);
    }
    hash = mixed(mixed(hash ^ rest));
    return hash == RecentChanges.NO_KEY ? 1 : hash;
  }

  private static long mixed(long value) {
    long product = value * MULTIPLIER;
    return product ^ (product >>> 32);
  }
}
