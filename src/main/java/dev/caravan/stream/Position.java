// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import org.jspecify.annotations.Nullable;

/**
 * One event's place in the stream of its vBucket, from its arrival until the events before it are
 * acknowledged too. All mutable state belongs to {@link Progress} and is guarded by the lock of the
 * vBucket.
 */
final class Position {
  final int vbucket;
  final StreamSnapshot snapshot;
  final long seqno;

  @Nullable Position previous;
  @Nullable Position next;
  boolean acknowledged;
  boolean linked;

  Position(int vbucket, StreamSnapshot snapshot, long seqno) {
    this.vbucket = vbucket;
    this.snapshot = snapshot;
    this.seqno = seqno;
  }
}
