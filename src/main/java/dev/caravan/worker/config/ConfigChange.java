// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import org.jspecify.annotations.Nullable;

/** A record for the config topic. Its string form contains no secrets. */
public sealed interface ConfigChange permits ConfigRecord, TargetStateRecord {
  /** Returns the name of the connector. */
  String name();

  byte[] key();

  /** Returns the value of the record; null deletes the key. */
  byte @Nullable [] value();
}
