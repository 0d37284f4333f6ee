// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CompletionStage;

/**
 * How far one owner, a route or a connector, has come in each vBucket of its buckets. What several
 * owners share is a {@link SharedOffsetStore}.
 *
 * <p>Implementations are safe for use by several threads: every task of a connector loads and saves
 * through the same store.
 */
public interface OffsetStore {

  /**
   * Reads what was last saved. Blocks; it is called on a task's own lane, never on an event loop.
   *
   * @return the saved offsets by vBucket; a vBucket that was never saved is absent
   * @throws RuntimeException if the store can't be read now; the caller tries again later
   */
  Map<Integer, Offset> load(String bucket, Collection<Integer> vbuckets);

  /**
   * Remembers offsets, replacing what was saved for the same vBuckets. Returns at once. Saves of
   * the same bucket take effect in the order of the calls.
   *
   * @return completes once a later {@link #load} is certain to see the offsets; fails if that can't
   *     be promised
   */
  CompletionStage<Void> save(String bucket, Map<Integer, Offset> offsets);
}
