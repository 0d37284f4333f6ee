// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.settings;

import java.util.Locale;

/** The action if Couchbase has lost a part of a vBucket's history that was already streamed. */
public enum RollbackPolicy {
  /** Stream again from the last seqno that both histories have. */
  RESUME,
  /** Stop the consumer, so that somebody can look at what was published. */
  FAIL;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
