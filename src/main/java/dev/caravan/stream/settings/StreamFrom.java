// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.settings;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Where the streams of a consumer begin that starts for the first time. */
public enum StreamFrom {
  SAVED_OR_BEGINNING,
  SAVED_OR_NOW,
  BEGINNING,
  NOW;

  public boolean usesSaved() {
    return this == SAVED_OR_BEGINNING || this == SAVED_OR_NOW;
  }

  /**
   * The same for a consumer that has begun: where there are saved offsets, it goes on from them.
   */
  public StreamFrom orSaved() {
    return otherwiseNow() ? SAVED_OR_NOW : SAVED_OR_BEGINNING;
  }

  public boolean otherwiseNow() {
    return this == SAVED_OR_NOW || this == NOW;
  }

  /**
   * Parses the form that people write: {@code saved-or-beginning}.
   *
   * @throws IllegalArgumentException if it is none of the values
   */
  public static StreamFrom parse(String text) {
    return Arrays.stream(values())
        .filter(value -> value.toString().equals(text))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "streamFrom '"
                        + text
                        + "' is unknown. Use one of "
                        + Arrays.stream(values())
                            .map(StreamFrom::toString)
                            .collect(Collectors.joining(", "))
                        + "."));
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
