// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.stream.settings.StreamFrom;

/**
 * Where a connector starts to read, by the names that the official Couchbase connector has.
 * BEGINNING and NOW differ from the first two in the offsets that a task sees: see {@link
 * ConnectorConfig#ignoresEarlierOffsets}.
 */
enum StreamFromOption {
  SAVED_OFFSET_OR_BEGINNING(StreamFrom.SAVED_OR_BEGINNING, false),
  SAVED_OFFSET_OR_NOW(StreamFrom.SAVED_OR_NOW, false),
  BEGINNING(StreamFrom.SAVED_OR_BEGINNING, true),
  NOW(StreamFrom.SAVED_OR_NOW, true);

  private final StreamFrom componentValue;
  private final boolean ignoresEarlierOffsets;

  StreamFromOption(StreamFrom componentValue, boolean ignoresEarlierOffsets) {
    this.componentValue = componentValue;
    this.ignoresEarlierOffsets = ignoresEarlierOffsets;
  }

  /** Returns the value of the component's option {@code streamFrom}. */
  StreamFrom componentValue() {
    return componentValue;
  }

  /** Returns whether offsets of earlier configurations of the connector are ignored. */
  boolean ignoresEarlierOffsets() {
    return ignoresEarlierOffsets;
  }
}
