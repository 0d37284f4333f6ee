// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.settings;

import java.util.Locale;

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

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
