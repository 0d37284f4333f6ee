// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.kafka;

import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.KafkaException;

/** The topics that tasks write to, which are not the worker's own. */
public interface TopicAdmin {
  /**
   * Which of these topics are not there.
   *
   * @throws KafkaException if Kafka doesn't answer within a few seconds
   */
  Set<String> missing(Set<String> topics);

  /**
   * Makes a topic unless it is there.
   *
   * @throws KafkaException if it can't be made
   */
  void create(String topic, Optional<Short> replication);
}
