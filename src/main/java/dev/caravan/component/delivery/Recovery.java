// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

/** The action after a delivery loop has failed. */
public enum Recovery {
  /** Nothing: the consumer has stopped for good. */
  NONE,
  /** Another loop: the transaction failed, and the same may succeed in a new one. */
  NEW_TRANSACTION,
  /** Another loop: an exchange failed, and is tried again. */
  REDELIVERY
}
