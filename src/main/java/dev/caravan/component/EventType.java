// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

/** What happened to a document. */
public enum EventType {
  /** It was written. */
  MUTATION,
  /** It was deleted. */
  DELETION,
  /** Its time to live ran out. Servers before 6.5 report this as a deletion. */
  EXPIRATION
}
