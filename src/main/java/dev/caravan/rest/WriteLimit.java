// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import io.vertx.ext.web.RoutingContext;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Limits the number of requests that hold memory: requests with a body, and changes that wait to be
 * written. Safe for use by several threads.
 */
final class WriteLimit {
  static final int MAX = 32;

  private static final String KEY = WriteLimit.class.getName();

  private final Semaphore free = new Semaphore(MAX);

  /**
   * Acquires a permit for a request. The permit is free again after the request has ended and every
   * {@link Permit#hold} is released.
   *
   * @return false if all permits are in use
   */
  boolean begin(RoutingContext request) {
    if (!free.tryAcquire()) {
      return false;
    }
    Permit permit = new Permit(free);
    request.put(KEY, permit);
    request.addEndHandler(ended -> permit.release());
    return true;
  }

  /** Returns the permit of a request; without one, a permit that does not count. */
  static Permit of(RoutingContext request) {
    Permit permit = request.get(KEY);
    return permit == null ? new Permit(null) : permit;
  }

  /** The permit of one request. */
  static final class Permit {
    private final @Nullable Semaphore limit;
    private final AtomicInteger holders = new AtomicInteger(1);

    private Permit(@Nullable Semaphore limit) {
      this.limit = limit;
    }

    /** Keeps the permit in use until one more {@link #release}. */
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
