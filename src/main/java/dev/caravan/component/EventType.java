// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

/** The kind of an event: a change of a document, or a rollback of its history. */
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
