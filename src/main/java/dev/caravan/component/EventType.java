// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

/** What happened to a document, or to the history that it is part of. */
public enum EventType {
  /** It was written. */
  MUTATION,
  /** It was deleted. */
  DELETION,
  /** Its time to live ran out. Servers before 6.5 report this as a deletion. */
  EXPIRATION,
  /**
   * Couchbase lost a part of a vBucket's history: what was read of that part did not happen. Told
   * only if the option {@code rollbackEvents} is on.
   */
  ROLLBACK
}
