// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What the config topic says up to an offset. Immutable.
 *
 * @param offset everything before it is in this view, nothing from it on
 * @param connectors the connectors that there are, by name
 * @param targetStates their target states, where they are not {@link TargetState#STARTED}; there
 *     may be some of connectors that are not known yet, since compaction keeps no order between
 *     keys
 */
record ConfigView(
    long offset,
    SortedMap<String, StoredConnector> connectors,
    SortedMap<String, TargetState> targetStates) {
  static final ConfigView EMPTY =
      new ConfigView(0, Collections.emptySortedMap(), Collections.emptySortedMap());

  /**
   * A connector in the config topic.
   *
   * @param generation of its configuration and so of its tasks: the offset of the record that last
   *     changed it
   */
  record StoredConnector(Map<String, String> properties, long generation) {
    /** Leaves the properties out: they may hold secrets. */
    @Override
    public String toString() {
      return "StoredConnector[" + generation + "]";
    }
  }

  ConfigView {
    connectors = Collections.unmodifiableSortedMap(connectors);
    targetStates = Collections.unmodifiableSortedMap(targetStates);
  }

  @Nullable StoredConnector connector(String name) {
    return connectors.get(name);
  }

  TargetState targetState(String name) {
    return targetStates.getOrDefault(name, TargetState.STARTED);
  }

  /** The same, as far as it is read to another offset. */
  ConfigView at(long newOffset) {
    return new ConfigView(newOffset, connectors, targetStates);
  }

  /**
   * The view after a change.
   *
   * @param generation of the connector's configuration, if that is what changes
   */
  ConfigView with(ConfigChange change, long generation) {
    SortedMap<String, StoredConnector> changed = new TreeMap<>(connectors);
    SortedMap<String, TargetState> states = new TreeMap<>(targetStates);
    if (change instanceof ConfigRecord config) {
      if (config.properties() == null) {
        changed.remove(config.name());
        states.remove(config.name());
      } else {
        changed.put(config.name(), new StoredConnector(config.properties(), generation));
      }
    } else if (change instanceof TargetStateRecord target) {
      if (target.state() == null || target.state() == TargetState.STARTED) {
        states.remove(target.name());
      } else {
        states.put(target.name(), target.state());
      }
    }
    return new ConfigView(offset, changed, states);
  }

  /** The record that says what this view says, for a key that a change is about. */
  ConfigChange recordLike(ConfigChange change) {
    String name = change.name();
    StoredConnector connector = connectors.get(name);
    return change instanceof ConfigRecord
        ? new ConfigRecord(name, connector == null ? null : connector.properties())
        : new TargetStateRecord(name, connector == null ? null : targetState(name));
  }

  /** Leaves the configurations out. */
  @Override
  public String toString() {
    return "ConfigView[" + offset + ", " + connectors.keySet() + "]";
  }
}
