// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The seqno of the last event of each vBucket that has come over a connection, whether or not it is
 * held back until it is persisted. Thread-safe; without locks, as every event passes here.
 */
final class Arrivals {
  private final AtomicLongArray seqnos;

  Arrivals(int vbuckets) {
    seqnos = new AtomicLongArray(vbuckets);
  }

  void set(int vbucket, long seqno) {
    seqnos.lazySet(vbucket, seqno);
  }

  /** Unsigned. */
  long of(int vbucket) {
    return seqnos.get(vbucket);
  }
}
