// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import java.util.Locale;

/** The delivery guarantee of a connector. */
public enum DeliveryGuarantee {
  /** After a crash, changes that were published but not committed are published again. */
  AT_LEAST_ONCE,
  /** Records and offsets are committed in one Kafka transaction. */
  EXACTLY_ONCE;

  /** Returns the value of the key {@code delivery.guarantee}, in lower case. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
