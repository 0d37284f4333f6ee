// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

/**
 * Where a connector starts to read, by the names that the official Couchbase connector has.
 * BEGINNING and NOW differ from the first two in the offsets that a task sees: see {@link
 * ConnectorConfig#ignoresEarlierOffsets}.
 */
enum StreamFromOption {
  SAVED_OFFSET_OR_BEGINNING("saved-or-beginning", false),
  SAVED_OFFSET_OR_NOW("saved-or-now", false),
  BEGINNING("saved-or-beginning", true),
  NOW("saved-or-now", true);

  private final String componentValue;
  private final boolean ignoresEarlierOffsets;

  StreamFromOption(String componentValue, boolean ignoresEarlierOffsets) {
    this.componentValue = componentValue;
    this.ignoresEarlierOffsets = ignoresEarlierOffsets;
  }

  /** Returns the value of the component's option {@code streamFrom}. */
  String componentValue() {
    return componentValue;
  }

  /** Returns whether offsets of earlier configurations of the connector are ignored. */
  boolean ignoresEarlierOffsets() {
    return ignoresEarlierOffsets;
  }
}
