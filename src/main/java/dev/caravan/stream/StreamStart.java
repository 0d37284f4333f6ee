// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import dev.caravan.stream.settings.StreamFrom;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Where the buckets of a consumer start, from one start of the consumer to its stop. {@link
 * StreamFrom} decides that once: as soon as the positions of a bucket are saved, the bucket has
 * begun, and everything later goes on from the saved offsets. All delivery loops of a consumer
 * share one object of this class. Thread-safe.
 */
public final class StreamStart {
  private final StreamFrom first;
  private final Set<String> begun = ConcurrentHashMap.newKeySet();

  public StreamStart(StreamFrom first) {
    this.first = first;
  }

  /** Where a bucket's vBuckets start now. */
  StreamFrom of(String bucket) {
    return begun.contains(bucket) ? first.orSaved() : first;
  }

  /** Notes that the positions from which a bucket's vBuckets start are saved. */
  void begun(String bucket) {
    begun.add(bucket);
  }
}
