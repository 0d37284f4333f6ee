// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

/** A change that failed because other workers changed connectors all the time. */
public final class ConcurrentChangeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ConcurrentChangeException(Throwable cause) {
    super(
        "Cannot complete the request because other workers change connectors at the same time."
            + " Nothing was changed. Try again.",
        cause);
  }
}
