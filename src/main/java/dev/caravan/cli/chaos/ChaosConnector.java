// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import dev.caravan.cli.chaos.audit.ChaosTopic;
import dev.caravan.connector.DeliveryGuarantee;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A connector of a run. All connectors copy the same bucket, each into its own topic.
 *
 * @param label its kind, such as {@code exactly_once, limited}
 * @param config without {@code tasks.max}
 */
record ChaosConnector(
    String name, String label, DeliveryGuarantee guarantee, Map<String, String> config) {
  /**
   * Two connectors for each guarantee. One has no limit, and fails on a document that Kafka
   * refuses. The other has a drain rate, starts at the present, and skips such documents.
   *
   * @param prefix of the names of connectors and topics
   * @param guarantees one or both
   * @param target the configuration of the connection to Couchbase
   * @param writeRate writes per second
   */
  static List<ChaosConnector> of(
      String prefix,
      Collection<DeliveryGuarantee> guarantees,
      Map<String, String> target,
      int writeRate) {
    List<ChaosConnector> connectors = new ArrayList<>();
    for (DeliveryGuarantee each : guarantees) {
      connectors.add(of(prefix, each, each.toString(), target, Map.of("errors.tolerance", "none")));
      connectors.add(
          of(
              prefix,
              each,
              each + ", limited",
              target,
              Map.of(
                  "errors.tolerance",
                  "all",
                  "couchbase.stream.from",
                  "SAVED_OFFSET_OR_NOW",
                  // More than the write rate, so that the connector can catch up.
                  "dcp.maximum.drainrate",
                  Integer.toString(writeRate * 3 / 2))));
    }
    return connectors;
  }

  private static ChaosConnector of(
      String prefix,
      DeliveryGuarantee guarantee,
      String label,
      Map<String, String> target,
      Map<String, String> options) {
    String name = prefix + label.replace(", ", "-");
    Map<String, String> config = new HashMap<>(target);
    config.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    config.put("topic", name + "-");
    config.put("delivery.guarantee", guarantee.toString());
    config.put("couchbase.headers", ChaosTopic.HEADERS);
    config.put("errors.retry.delay.max.ms", "3000");
    config.putAll(options);
    return new ChaosConnector(name, label, guarantee, Map.copyOf(config));
  }

  boolean isExactlyOnce() {
    return guarantee == DeliveryGuarantee.EXACTLY_ONCE;
  }

  String topic() {
    return name + "-" + config.get("couchbase.bucket");
  }

  /** The configuration with this number of tasks. */
  Map<String, String> withTasks(int tasks) {
    Map<String, String> changed = new HashMap<>(config);
    changed.put("tasks.max", Integer.toString(tasks));
    return changed;
  }
}
