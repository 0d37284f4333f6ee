// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The contents of the config topic up to an offset. Immutable.
 *
 * @param recreations how often the topic was deleted and created again since the worker started.
 *     Offsets are comparable only if it is the same
 * @param generationBase the base of new config generations, see {@link ConfigReader#BASE_HEADER};
 *     {@link #NO_BASE} if there are no records
 * @param offset the offset after the last record of this snapshot
 * @param connectors the connectors, by name
 * @param targetStates the target states other than {@link TargetState#STARTED}, by connector. The
 *     connector may be unknown yet, because compaction does not keep the order of different keys
 */
public record ConfigSnapshot(
    int recreations,
    long generationBase,
    long offset,
    SortedMap<String, StoredConnector> connectors,
    SortedMap<String, TargetState> targetStates) {
  static final long NO_BASE = -1;

  public static final ConfigSnapshot EMPTY = empty(0);

  /**
   * A connector in the config topic.
   *
   * @param generation the config generation, which grows with every change and identifies the set
   *     of tasks. No other configuration has the same
   */
  public record StoredConnector(Map<String, String> properties, long generation) {
    /** Leaves out the properties, which may contain secrets. */
    @Override
    public String toString() {
      return "StoredConnector[" + generation + "]";
    }
  }

  public ConfigSnapshot {
    connectors = Collections.unmodifiableSortedMap(connectors);
    targetStates = Collections.unmodifiableSortedMap(targetStates);
  }

  public @Nullable StoredConnector connector(String name) {
    return connectors.get(name);
  }

  public TargetState targetState(String name) {
    return targetStates.getOrDefault(name, TargetState.STARTED);
  }

  private static ConfigSnapshot empty(int recreations) {
    return new ConfigSnapshot(
        recreations, NO_BASE, 0, Collections.emptySortedMap(), Collections.emptySortedMap());
  }

  /** Returns the empty snapshot of a topic that was deleted and created again. */
  ConfigSnapshot recreated() {
    return empty(recreations + 1);
  }

  /** Returns whether this snapshot is of a later state of the topic, or of a later topic. */
  public boolean isNewerThan(ConfigSnapshot other) {
    return recreations == other.recreations
        ? offset > other.offset
        : recreations > other.recreations;
  }

  /** Returns a builder that starts with this snapshot. */
  Builder toBuilder() {
    return new Builder(this);
  }

  /** Applies changes to a snapshot. Copies each map at most once. Not thread-safe. */
  static final class Builder {
    private final int recreations;
    private final long offset;
    private long generationBase;
    private SortedMap<String, StoredConnector> connectors;
    private SortedMap<String, TargetState> targetStates;
    private boolean hasOwnConnectors;
    private boolean hasOwnStates;

    private Builder(ConfigSnapshot start) {
      this.recreations = start.recreations;
      this.offset = start.offset;
      this.generationBase = start.generationBase;
      this.connectors = start.connectors;
      this.targetStates = start.targetStates;
    }

    /**
     * Applies a change.
     *
     * @param generation the config generation of the connector if the change is its configuration
     */
    void apply(ConfigChange change, long generation) {
      if (change instanceof ConfigRecord config) {
        if (config.properties() == null) {
          ownConnectors().remove(config.name());
          removeState(config.name());
        } else {
          ownConnectors().put(config.name(), new StoredConnector(config.properties(), generation));
        }
      } else if (change instanceof TargetStateRecord target) {
        if (target.state() == null || target.state() == TargetState.STARTED) {
          removeState(target.name());
        } else {
          ownStates().put(target.name(), target.state());
        }
      }
    }

    private void removeState(String name) {
      if (targetStates.containsKey(name)) {
        ownStates().remove(name);
      }
    }

    private SortedMap<String, StoredConnector> ownConnectors() {
      if (!hasOwnConnectors) {
        connectors = new TreeMap<>(connectors);
        hasOwnConnectors = true;
      }
      return connectors;
    }

    private SortedMap<String, TargetState> ownStates() {
      if (!hasOwnStates) {
        targetStates = new TreeMap<>(targetStates);
        hasOwnStates = true;
      }
      return targetStates;
    }

    /** Sets the base of the config generations of later records. */
    void setGenerationBase(long base) {
      generationBase = base;
    }

    long generationBase() {
      return generationBase;
    }

    /** Returns the snapshot so far. It is valid until the next change. */
    ConfigSnapshot peek() {
      return build(offset);
    }

    /** Returns the finished snapshot up to an offset. No change may follow. */
    ConfigSnapshot build(long newOffset) {
      return new ConfigSnapshot(recreations, generationBase, newOffset, connectors, targetStates);
    }
  }

  /** Returns the record that has the key of a change and the value of this snapshot. */
  ConfigChange recordFor(ConfigChange change) {
    String name = change.name();
    StoredConnector connector = connectors.get(name);
    return change instanceof ConfigRecord
        ? new ConfigRecord(name, connector == null ? null : connector.properties())
        : new TargetStateRecord(name, connector == null ? null : targetState(name));
  }

  /** Leaves out the properties, which may contain secrets. */
  @Override
  public String toString() {
    return "ConfigSnapshot[" + offset + ", " + connectors.keySet() + "]";
  }
}
