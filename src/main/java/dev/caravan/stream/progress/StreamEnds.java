// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The seqnos at which the streams of a finite run end, and which of them have got there. Without
 * any, streams go on for ever. Thread-safe.
 */
public final class StreamEnds {
  /** The highest seqno there can be, as seqnos are unsigned. */
  public static final long NEVER = -1L;

  private final Map<Integer, Long> ends = new ConcurrentHashMap<>();
  private final Set<Integer> reached = ConcurrentHashMap.newKeySet();

  /**
   * Sets the end of streams to where their vBuckets stand. An end that is known is only ever
   * lowered: what came later isn't asked for, and what a failover has lost won't come.
   */
  public void set(Map<Integer, Long> highSeqnos) {
    highSeqnos.forEach(
        (vbucket, high) ->
            ends.merge(
                vbucket, high, (old, now) -> Long.compareUnsigned(now, old) < 0 ? now : old));
  }

  /** The last seqno to stream, unsigned. */
  public long of(int vbucket) {
    return ends.getOrDefault(vbucket, NEVER);
  }

  /** Notes that a stream has sent all up to its end. */
  public void reached(int vbucket) {
    reached.add(vbucket);
  }

  /** Forgets which streams have got to their end: they are opened again. */
  public void rewind() {
    reached.clear();
  }

  /** Whether this many streams, each of those that were opened, have got to their end. */
  public boolean allReached(int streams) {
    return reached.size() >= streams;
  }
}
