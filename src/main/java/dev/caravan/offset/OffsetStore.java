// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CompletionStage;

/**
 * Stores the offsets of one owner, which is a route or a connector. A {@link SharedOffsetStore}
 * stores the offsets of several owners.
 *
 * <p>Implementations are safe for use by several threads: all tasks of a connector use the same
 * store.
 */
public interface OffsetStore {

  /**
   * Returns the last saved offsets. Blocks; must not be called on an event loop.
   *
   * @return the offsets by vBucket, without vBuckets that were never saved
   * @throws RuntimeException if the store cannot be read now; the caller may retry
   */
  Map<Integer, Offset> load(String bucket, Collection<Integer> vbuckets);

  /**
   * Saves offsets, which replace earlier offsets of the same vBuckets. Never blocks. Saves of a
   * bucket take effect in the order of the calls.
   *
   * @return completes when every later {@link #load} returns the offsets; fails if they may be lost
   */
  CompletionStage<Void> save(String bucket, Map<Integer, Offset> offsets);
}
