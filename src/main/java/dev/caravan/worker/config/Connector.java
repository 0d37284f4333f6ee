// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import dev.caravan.connector.ConnectorConfig;
import dev.caravan.connector.InvalidConnectorConfigException;
import dev.caravan.connector.TaskConfig;
import dev.caravan.worker.config.ConfigSnapshot.StoredConnector;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connector of the config topic as this worker understands it.
 *
 * @param generation the config generation
 * @param tasks the configurations of its tasks; none if it can't run
 * @param error why it can't run; empty if it can
 * @param isUnsupportedClass whether its class is not one of Caravan's. This worker neither runs it
 *     nor changes its records
 */
public record Connector(
    String name,
    Map<String, String> properties,
    long generation,
    List<TaskConfig> tasks,
    String error,
    boolean isUnsupportedClass) {
  private static final Logger LOG = LoggerFactory.getLogger(Connector.class);

  /**
   * Parses a stored configuration. Logs an error if it is invalid.
   *
   * @param internalTopics the topics that no connector may write to
   */
  public static Connector of(String name, StoredConnector stored, Set<String> internalTopics) {
    Map<String, String> properties = stored.properties();
    String type = properties.get(ConnectorConfig.CONNECTOR_CLASS);
    if (type != null && !ConnectorConfig.isConnectorClass(type)) {
      return new Connector(
          name,
          properties,
          stored.generation(),
          List.of(),
          "Unsupported connector class \"" + type + "\"",
          true);
    }
    try {
      ConnectorConfig config = ConnectorConfig.parse(properties);
      if (!config.name().equals(name)) {
        throw new InvalidConnectorConfigException(
            List.of("The property \"name\" is \"" + config.name() + "\", not \"" + name + "\""));
      }
      config.refuseInternalTopics(internalTopics);
      config.warnOfUnknownProperties();
      return new Connector(name, properties, stored.generation(), TaskConfig.of(config), "", false);
    } catch (InvalidConnectorConfigException e) {
      LOG.error("Connector \"{}\" can't run: {}", name, e.getMessage());
      return unusable(name, stored, String.valueOf(e.getMessage()));
    } catch (RuntimeException | StackOverflowError e) {
      // One configuration must not keep the others from being read.
      LOG.error("Connector \"{}\" can't run: its configuration can't be read", name, e);
      return unusable(name, stored, "Its configuration can't be read: " + e);
    }
  }

  private static Connector unusable(String name, StoredConnector stored, String error) {
    return new Connector(name, stored.properties(), stored.generation(), List.of(), error, false);
  }

  public ConnectorInfo info() {
    return new ConnectorInfo(name, properties, tasks.stream().map(TaskConfig::task).toList());
  }

  /** Leaves out the properties, which may contain secrets. */
  @Override
  public String toString() {
    return "Connector[" + name + ", " + generation + "]";
  }
}
