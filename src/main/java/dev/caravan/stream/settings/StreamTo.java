// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.settings;

import java.util.Locale;

/** Where the streams of a consumer end. */
public enum StreamTo {
  /** Nowhere: changes are streamed as they happen. */
  INFINITY,
  /** Where each vBucket stands when the consumer starts. */
  NOW;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
