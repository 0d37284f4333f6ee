// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

/** The state that a user requested for a connector, as in Kafka Connect. */
public enum TargetState {
  STARTED,
  /** The tasks stay assigned but deliver nothing. */
  PAUSED,
  /** The connector has no tasks. */
  STOPPED
}
