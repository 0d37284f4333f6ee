// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.offset.OffsetStore;
import dev.caravan.offset.SharedOffsetStore;
import dev.caravan.stream.settings.VbucketSelection;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;

/**
 * The right of one running consumer to the offsets of a key, in some vBuckets of some buckets. Two
 * consumers with the same offsets would overwrite each other's: after a restart, the slower one
 * continues where the faster one was, and what lies between is lost.
 *
 * <p>Claims belong to the store itself, whichever Camel context uses it. Safe for use by several
 * threads.
 */
final class OffsetClaim implements AutoCloseable {
  /** The current claims. The values do not refer to the keys, so unused stores can be collected. */
  private static final Map<SharedOffsetStore, List<Held>> CLAIMS = new WeakHashMap<>();

  private record Held(
      String key, List<String> buckets, VbucketSelection vbuckets, String consumer) {}

  private final SharedOffsetStore store;
  private final Held held;
  private final OffsetStore offsets;
  private boolean closed;

  private OffsetClaim(SharedOffsetStore store, Held held) {
    this.store = store;
    this.held = held;
    this.offsets = store.of(held.key);
  }

  /**
   * Claims offsets until {@link #close}.
   *
   * @param consumer names the consumer to people
   * @throws IllegalStateException if another consumer has a claim on one of them
   */
  static OffsetClaim of(
      SharedOffsetStore store,
      String key,
      List<String> buckets,
      VbucketSelection vbuckets,
      String consumer) {
    Held wanted = new Held(key, buckets, vbuckets, consumer);
    synchronized (CLAIMS) {
      List<Held> claims = CLAIMS.computeIfAbsent(store, any -> new ArrayList<>());
      for (Held other : claims) {
        checkDisjoint(wanted, other);
      }
      claims.add(wanted);
    }
    return new OffsetClaim(store, wanted);
  }

  private static void checkDisjoint(Held wanted, Held other) {
    if (!wanted.key.equals(other.key) || !wanted.vbuckets.overlaps(other.vbuckets)) {
      return;
    }
    for (String bucket : wanted.buckets) {
      if (other.buckets.contains(bucket)) {
        throw new IllegalStateException(
            "The offsets of bucket '"
                + bucket
                + "' under the key '"
                + wanted.key
                + "' are in use by "
                + other.consumer
                + " (vbuckets '"
                + other.vbuckets
                + "'), so "
                + wanted.consumer
                + " (vbuckets '"
                + wanted.vbuckets
                + "') can't use them. Give one of the two another offsetKey; or, to share the"
                + " bucket between them, disjoint vbuckets such as 0/2 and 1/2.");
      }
    }
  }

  /** The offsets that are claimed; after {@link #close}, too. */
  OffsetStore offsets() {
    return offsets;
  }

  /** Gives the offsets up. Idempotent. */
  @Override
  public void close() {
    synchronized (CLAIMS) {
      List<Held> claims = CLAIMS.get(store);
      if (!closed && claims != null) {
        closed = true;
        claims.remove(held);
        if (claims.isEmpty()) {
          CLAIMS.remove(store);
        }
      }
    }
  }
}
