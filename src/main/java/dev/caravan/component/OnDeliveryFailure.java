// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import java.util.Locale;

/** The action after an exchange has failed. */
enum OnDeliveryFailure {
  /** Read again from the last change that is done, after a pause. */
  RETRY,
  /** Stop the consumer. */
  STOP;

  /**
   * Parses {@code retry} or {@code stop}.
   *
   * @throws IllegalArgumentException if it is neither
   */
  static OnDeliveryFailure parse(String text) {
    return switch (text) {
      case "retry" -> RETRY;
      case "stop" -> STOP;
      default ->
          throw new IllegalArgumentException(
              "onDeliveryFailure '" + text + "' is unknown. Use retry or stop.");
    };
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
