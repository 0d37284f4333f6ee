// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import org.jspecify.annotations.Nullable;

/** A record for the config topic. Its text never holds what may be secret. */
public sealed interface ConfigChange permits ConfigRecord, TargetStateRecord {
  /** The connector that it is about. */
  String name();

  byte[] key();

  /** The record's value; null takes away what there is for the key. */
  byte @Nullable [] value();
}
