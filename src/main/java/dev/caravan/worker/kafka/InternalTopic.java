// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.kafka;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.config.TopicConfig;

/**
 * An internal topic of the worker: configurations, offsets or statuses.
 *
 * @param property the worker property that names the topic
 * @param name the name of the topic
 * @param contents the plural noun for the contents, for messages
 * @param isSinglePartition whether the topic must have exactly one partition
 * @param partitions the number of partitions of a new topic; empty for the broker's default
 * @param replication the replication factor of a new topic; empty for the broker's default
 * @param replicationProperty the worker property that sets the replication factor
 * @param isReplicationConfigured whether that property is set
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
  /**
   * Kafka does not compact the active segment, and a worker reads the whole topic when it starts.
   */
  private static final Map<String, String> SMALL_SEGMENTS =
      Map.of(
          TopicConfig.SEGMENT_BYTES_CONFIG,
          Integer.toString(5 * 1024 * 1024),
          TopicConfig.SEGMENT_MS_CONFIG,
          Long.toString(Duration.ofHours(1).toMillis()));

  /** Returns the topic configuration of a new topic. */
  Map<String, String> settings() {
    Map<String, String> settings = new HashMap<>();
    settings.put(TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_COMPACT);
    if (!isSinglePartition) {
      // The config topic is short and needs no small segments.
      settings.putAll(SMALL_SEGMENTS);
    }
    return settings;
  }
}
