// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Whether and why a session is over: it failed, or it was closed. Only the first failure counts,
 * and none after the close. Thread-safe, never blocks.
 */
public final class SessionEnd {
  private final FailureNames names;
  private final Runnable onFailure;
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private volatile boolean closed;

  /**
   * @param onFailure called when the session fails
   */
  public SessionEnd(FailureNames names, Runnable onFailure) {
    this.names = names;
    this.onFailure = onFailure;
  }

  public void fail(Throwable error) {
    if (!closed && failure.compareAndSet(null, names.named(error))) {
      onFailure.run();
    }
  }

  public void close() {
    closed = true;
  }

  public boolean isClosed() {
    return closed;
  }

  /** Whether it failed or was closed. No event counts that comes after a dropped one. */
  public boolean isOver() {
    return closed || failure.get() != null;
  }

  /** The cause of the failure; null if the session has not failed. */
  public @Nullable Throwable failure() {
    return failure.get();
  }
}
