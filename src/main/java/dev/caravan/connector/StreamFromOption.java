// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static java.util.stream.Collectors.joining;

import dev.caravan.stream.settings.StreamFrom;
import java.util.Arrays;
import java.util.Locale;
import org.apache.kafka.common.config.ConfigException;

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

  /**
   * Returns the option of a name. The names of the component's option {@code streamFrom}, such as
   * {@code saved-or-now}, are accepted too.
   *
   * @throws ConfigException if there is no such option
   */
  static StreamFromOption of(String key, String name) {
    String constant =
        name.toUpperCase(Locale.ROOT).replace('-', '_').replace("SAVED_OR_", "SAVED_OFFSET_OR_");
    for (StreamFromOption option : values()) {
      if (option.name().equals(constant)) {
        return option;
      }
    }
    throw new ConfigException(
        key,
        name,
        "String must be one of: "
            + Arrays.stream(values()).map(StreamFromOption::name).collect(joining(", ")));
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
