// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The seqno of the last event of each vBucket that has come over a connection, whether or not it is
 * held back until it is persisted. Thread-safe; without locks, as every event passes here.
 */
public final class LastReceivedSeqnos {
  private final AtomicLongArray seqnos;

  public LastReceivedSeqnos(int vbuckets) {
    seqnos = new AtomicLongArray(vbuckets);
  }

  public void set(int vbucket, long seqno) {
    seqnos.lazySet(vbucket, seqno);
  }

  /** Unsigned. */
  public long of(int vbucket) {
    return seqnos.get(vbucket);
  }
}
