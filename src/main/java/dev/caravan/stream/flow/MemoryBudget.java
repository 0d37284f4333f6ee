// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.flow;

import com.couchbase.client.core.deps.io.netty.util.internal.PlatformDependent;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Memory that users of one kind share evenly, whichever consumer, route or Camel context they
 * belong to: the fewer there are, the more each may use. Shares change as users come and go, so
 * each is to look at its share again whenever it wants more.
 *
 * <p>No share is less than {@value #SMALLEST_SHARE} bytes: with very many users in a small heap the
 * sum may be larger than the budget.
 *
 * <p>Thread-safe.
 */
public final class MemoryBudget {
  /** The smallest share, in bytes. */
  public static final int SMALLEST_SHARE = 64 * 1024;

  private static final int PART = 8;

  /**
   * For what Couchbase nodes have sent and is not acknowledged, by connection: an eighth of the
   * heap, or of the direct memory where that is less, since what is held back until it is persisted
   * is there. A document is there some times over on its way, as it was sent, inflated, as a
   * record, and in the buffers of Kafka's client, so that this is not more.
   */
  public static final MemoryBudget WINDOWS =
      new MemoryBudget(
          Math.min(Runtime.getRuntime().maxMemory(), PlatformDependent.maxDirectMemory()) / PART);

  /** For inflated documents that are in a route, by consumer: another eighth of the heap. */
  public static final MemoryBudget ROUTES =
      new MemoryBudget(Runtime.getRuntime().maxMemory() / PART);

  private final long bytes;
  private final AtomicInteger users = new AtomicInteger();

  /**
   * @param bytes for all users together, more than zero
   */
  MemoryBudget(long bytes) {
    this.bytes = bytes;
  }

  /** Counts another user. */
  public void enter() {
    users.incrementAndGet();
  }

  /** Counts a user less; once for each {@link #enter}. */
  public void leave() {
    users.decrementAndGet();
  }

  /** How many bytes each user may use now. */
  public int share() {
    return share(users.get());
  }

  /** How many bytes one user more could use. */
  public int nextShare() {
    return share(users.get() + 1);
  }

  private int share(int among) {
    long share = Math.min(Integer.MAX_VALUE, bytes / Math.max(1, among));
    return (int) Math.max(SMALLEST_SHARE, share);
  }
}
