// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import java.util.Collections;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What the config topic says up to an offset. Immutable.
 *
 * @param recreations how often the topic was deleted and made again since this worker has read it:
 *     offsets of different topics can't be compared
 * @param generationBase what generations of later records are counted from, see {@link
 *     ConfigReader#BASE_HEADER}; {@link #NO_BASE} if there are no records
 * @param offset everything before it is in this snapshot, nothing from it on
 * @param connectors the connectors that there are, by name
 * @param targetStates their target states, where they are not {@link TargetState#STARTED}; there
 *     may be some of connectors that are not known yet, since compaction keeps no order between
 *     keys
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
   * @param generation of its configuration and so of its tasks: it grows with every change, and no
   *     other configuration has the same
   */
  public record StoredConnector(Map<String, String> properties, long generation) {
    /** Leaves the properties out: they may hold secrets. */
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

  /** The snapshot of a topic that was just made again. */
  ConfigSnapshot recreated() {
    return empty(recreations + 1);
  }

  /** Whether this snapshot is of a later state of the topic, or of a later topic. */
  public boolean isNewerThan(ConfigSnapshot other) {
    return recreations == other.recreations
        ? offset > other.offset
        : recreations > other.recreations;
  }

  /** Begins a snapshot that has more changes than this one. */
  Builder toBuilder() {
    return new Builder(this);
  }

  /**
   * A snapshot in the making: takes one change after the other, and copies what it has to copy once.
   * Not thread-safe.
   */
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
     * Makes a change.
     *
     * @param generation of the connector's configuration, if that is what changes
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

    /** Later records may have generations that are counted from there. */
    void setGenerationBase(long base) {
      generationBase = base;
    }

    long generationBase() {
      return generationBase;
    }

    /** The snapshot as it is now. It is valid until the next change only. */
    ConfigSnapshot peek() {
      return build(offset);
    }

    /** The finished snapshot, which holds everything up to an offset. No change may follow. */
    ConfigSnapshot build(long newOffset) {
      return new ConfigSnapshot(recreations, generationBase, newOffset, connectors, targetStates);
    }
  }

  /** The record that says what this snapshot says, for a key that a change is about. */
  ConfigChange recordFor(ConfigChange change) {
    String name = change.name();
    StoredConnector connector = connectors.get(name);
    return change instanceof ConfigRecord
        ? new ConfigRecord(name, connector == null ? null : connector.properties())
        : new TargetStateRecord(name, connector == null ? null : targetState(name));
  }

  /** Leaves the configurations out. */
  @Override
  public String toString() {
    return "ConfigSnapshot[" + offset + ", " + connectors.keySet() + "]";
  }
}
