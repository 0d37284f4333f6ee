// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import java.util.Locale;

/** The action after an exchange has failed. */
public enum OnDeliveryFailure {
  /** Read again from the last change that is done, after a pause. */
  RETRY,
  /** Stop the consumer. */
  STOP;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
