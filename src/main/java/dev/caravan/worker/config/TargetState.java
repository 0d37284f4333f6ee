// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

/** What somebody wants a connector to do, as Kafka Connect has it. */
public enum TargetState {
  STARTED,
  /** Its tasks stay assigned and deliver nothing. */
  PAUSED,
  /** It has no tasks. */
  STOPPED
}
