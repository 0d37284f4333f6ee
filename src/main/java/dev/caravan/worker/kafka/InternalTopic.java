// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.kafka;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.config.TopicConfig;

/**
 * A topic in which a worker keeps something of its own.
 *
 * @param property the worker's property that names the topic
 * @param name the topic
 * @param contents what it contents, for messages
 * @param isSinglePartition whether more partitions than one would break what it is for
 * @param partitions how many it gets when it is made; empty for the broker's default
 * @param replication how many replicas it gets when it is made; empty for the broker's default
 * @param replicationProperty the worker's property for that
 * @param isReplicationConfigured whether somebody set that property
 */
public record InternalTopic(
    String property,
    String name,
    String contents,
    boolean isSinglePartition,
    Optional<Integer> partitions,
    Optional<Short> replication,
    String replicationProperty,
    boolean isReplicationConfigured) {
  /** Kafka compacts no segment that it still writes to, and a worker reads all of them. */
  private static final Map<String, String> SMALL_SEGMENTS =
      Map.of(
          TopicConfig.SEGMENT_BYTES_CONFIG,
          Integer.toString(5 * 1024 * 1024),
          TopicConfig.SEGMENT_MS_CONFIG,
          Long.toString(Duration.ofHours(1).toMillis()));

  /** The settings that the topic gets when it is made. */
  Map<String, String> settings() {
    Map<String, String> settings = new HashMap<>();
    settings.put(TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_COMPACT);
    if (!isSinglePartition) {
      // The other one, of configurations, is short.
      settings.putAll(SMALL_SEGMENTS);
    }
    return settings;
  }
}
