// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.settings;

import java.util.Locale;

/** Where the streams of a consumer end. */
public enum StreamTo {
  /** Nowhere: changes are streamed as they happen. */
  INFINITY,
  /** Where each vBucket stands when the consumer starts. */
  NOW;

  /**
   * Parses {@code infinity} or {@code now}.
   *
   * @throws IllegalArgumentException if it is neither
   */
  public static StreamTo parse(String text) {
    return switch (text) {
      case "infinity" -> INFINITY;
      case "now" -> NOW;
      default ->
          throw new IllegalArgumentException(
              "streamTo '" + text + "' is unknown. Use infinity or now.");
    };
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
