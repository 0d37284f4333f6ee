// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.kafka;

import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.KafkaException;

/** Checks and creates topics that tasks write to. Thread-safe. */
public interface TopicAdmin {
  /**
   * Returns those of the given topics that do not exist.
   *
   * @throws KafkaException if Kafka does not answer within 5 s
   */
  Set<String> missing(Set<String> topics);

  /**
   * Creates a topic if it does not exist.
   *
   * @param replication the replication factor; empty for the broker's default
   * @throws KafkaException if the topic can't be created
   */
  void create(String topic, Optional<Short> replication);
}
