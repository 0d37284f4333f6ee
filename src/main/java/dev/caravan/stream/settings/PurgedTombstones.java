// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.settings;

import java.util.Locale;

/**
 * The action if Couchbase has purged deletions that were not streamed yet: a consumer was away for
 * longer than the bucket's metadata purge interval.
 */
public enum PurgedTombstones {
  /** Stream the vBucket from its beginning, as Couchbase demands. */
  STRICT,
  /** Go on where the vBucket was left, without those deletions. */
  LENIENT;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
