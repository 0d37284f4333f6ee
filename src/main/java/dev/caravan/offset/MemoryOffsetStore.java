// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Stores offsets in memory, for routes that are stopped and started again in the same process. Safe
 * for use by several threads.
 */
public final class MemoryOffsetStore implements SharedOffsetStore {
  private final Map<String, OffsetStore> owners = new ConcurrentHashMap<>();

  @Override
  public OffsetStore of(String owner) {
    return owners.computeIfAbsent(owner, key -> new OwnerInMemory());
  }

  private static final class OwnerInMemory implements OffsetStore {
    private final Map<String, Map<Integer, Offset>> offsetsByBucket = new ConcurrentHashMap<>();

    @Override
    public Map<Integer, Offset> load(String bucket, Collection<Integer> vbuckets) {
      Map<Integer, Offset> result = new HashMap<>(offsetsByBucket.getOrDefault(bucket, Map.of()));
      result.keySet().retainAll(vbuckets);
      return result;
    }

    @Override
    public CompletionStage<Void> save(String bucket, Map<Integer, Offset> offsets) {
      offsetsByBucket.computeIfAbsent(bucket, name -> new ConcurrentHashMap<>()).putAll(offsets);
      return CompletableFuture.completedFuture(null);
    }
  }
}
