// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.util.Collection;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How large the metadata of the group is: the record of the topic {@code __consumer_offsets} that
 * holds the subscriptions and the assignments of all members. If it is larger than the topic takes,
 * the coordinator answers each SyncGroup request with an error that names no reason, and no worker
 * gets tasks. Only the leader knows the size. Thread-safe.
 */
final class GroupMetadataSize {
  /** Kafka's default of {@code message.max.bytes}. */
  static final int DEFAULT_LIMIT = 1_048_588;

  private static final Logger LOG = LoggerFactory.getLogger(GroupMetadataSize.class);

  /** What the record and its batch have besides the members; at most. */
  private static final int RECORD = 200;

  /** What a member has besides texts and what it and the leader have sent: ids, host, timeouts. */
  private static final int MEMBER = 160;

  /** What stands before each text and list. */
  private static final int LENGTH = 8;

  private final int identity;
  private volatile int bytes;

  /**
   * @param groupId which is part of the client id and the member id of each member
   */
  GroupMetadataSize(String groupId) {
    this.identity = 2 * groupId.getBytes(UTF_8).length;
  }

  /** The leader has assigned tasks. */
  void computed(Collection<Subscription> subscriptions, Collection<Assignment> assignments) {
    bytes = of(subscriptions, assignments);
    if (bytes > DEFAULT_LIMIT) {
      LOG.error(
          "The metadata of the group is too large for Kafka's default limits, and no worker gets"
              + " tasks if the brokers have these. {}",
          advice());
    }
  }

  /** How many bytes the record has, or a few more. */
  int of(Collection<Subscription> subscriptions, Collection<Assignment> assignments) {
    int sum = RECORD;
    for (Subscription subscription : subscriptions) {
      sum += MEMBER + identity + length(subscription.userData());
      for (String topic : subscription.topics()) {
        sum += LENGTH + topic.length();
      }
      for (TopicPartition owned : subscription.ownedPartitions()) {
        sum += 2 * LENGTH + owned.topic().length();
      }
    }
    for (Assignment assignment : assignments) {
      sum += length(assignment.userData());
      for (TopicPartition partition : assignment.partitions()) {
        sum += LENGTH + partition.topic().length();
      }
    }
    return sum;
  }

  private static int length(@Nullable ByteBuffer data) {
    return LENGTH + (data == null ? 0 : data.remaining());
  }

  /** What to do if the coordinator refuses a group without giving a reason. */
  String advice() {
    return (bytes == 0
            ? "The leader of the group logs the size of the group's metadata. "
            : "The group's metadata was " + bytes + " bytes when this worker last led the group. ")
        + "Kafka takes "
        + DEFAULT_LIMIT
        + " bytes unless max.message.bytes of the topic __consumer_offsets allows more: raise it, or"
        + " lower tasks.max of connectors, or run fewer workers or several groups.";
  }
}
