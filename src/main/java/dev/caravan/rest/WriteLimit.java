// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import io.vertx.ext.web.RoutingContext;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Limits the requests that hold memory: those with a body, and those that wait for a change to be
 * written. Safe for use by several threads.
 */
final class WriteLimit {
  static final int MAX = 32;

  private static final String KEY = WriteLimit.class.getName();

  private final Semaphore free = new Semaphore(MAX);

  /**
   * Lets a request begin, until it has ended and what it {@link Permit#hold holds} is released.
   *
   * @return false if there are too many already
   */
  boolean begin(RoutingContext request) {
    if (!free.tryAcquire()) {
      return false;
    }
    Permit write = new Permit(free);
    request.put(KEY, write);
    request.addEndHandler(ended -> write.release());
    return true;
  }

  /** What {@link #begin} has begun for the request, or else something without a limit. */
  static Permit of(RoutingContext request) {
    Permit write = request.get(KEY);
    return write == null ? new Permit(null) : write;
  }

  /** A request that counts. */
  static final class Permit {
    private final @Nullable Semaphore limit;
    private final AtomicInteger holders = new AtomicInteger(1);

    private Permit(@Nullable Semaphore limit) {
      this.limit = limit;
    }

    /** Something more is to end before the request counts no more. */
    void hold() {
      holders.incrementAndGet();
    }

    void release() {
      if (holders.decrementAndGet() == 0 && limit != null) {
        limit.release();
      }
    }
  }
}
