// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

/** What may follow a lane that has failed. */
public enum Recovery {
  /** Nothing: the consumer has stopped for good. */
  NONE,
  /** Another lane: the transaction failed, and the same may succeed in a new one. */
  NEW_TRANSACTION,
  /** Another lane: an exchange failed, and is tried again. */
  REDELIVERY
}
