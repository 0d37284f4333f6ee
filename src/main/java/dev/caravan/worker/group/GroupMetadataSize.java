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
 * Computes the size of the group metadata. That is the record in {@code __consumer_offsets} with
 * the subscriptions and assignments of all members. If it exceeds the topic's limit, the
 * coordinator answers each SyncGroup request with an error without a reason, and no worker gets
 * tasks. Only the leader knows the size. Thread-safe.
 */
final class GroupMetadataSize {
  /** The default of {@code message.max.bytes} in Kafka. */
  static final int DEFAULT_LIMIT = 1_048_588;

  private static final Logger LOG = LoggerFactory.getLogger(GroupMetadataSize.class);

  /** The maximum size of the record and batch headers. */
  private static final int RECORD = 200;

  /**
   * The size of a member without its subscription, assignment and group id: ids, host, timeouts.
   */
  private static final int MEMBER = 160;

  /** The maximum size of the length before a text or a list. */
  private static final int LENGTH = 8;

  private final int identity;
  private volatile int bytes;

  /**
   * Creates a calculator.
   *
   * @param groupId the group id, which is part of the client id and the member id of each member
   */
  GroupMetadataSize(String groupId) {
    this.identity = 2 * groupId.getBytes(UTF_8).length;
  }

  /** Computes and checks the size after the leader has assigned tasks. */
  void computed(Collection<Subscription> subscriptions, Collection<Assignment> assignments) {
    bytes = of(subscriptions, assignments);
    if (bytes > DEFAULT_LIMIT) {
      LOG.error(
          "The group metadata exceeds Kafka's default limit. If the brokers have this limit, no worker"
              + " gets tasks. {}",
          advice());
    }
  }

  /** Returns the size of the record in bytes. It is an upper bound that is slightly too large. */
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

  /** Returns advice for a group that the coordinator refuses without a reason. */
  String advice() {
    return (bytes == 0
            ? "The leader of the group logs the size of the group metadata. "
            : "The group metadata had " + bytes + " bytes when this worker last led the group. ")
        + "Kafka accepts "
        + DEFAULT_LIMIT
        + " bytes, unless max.message.bytes of the topic __consumer_offsets is higher. Raise it, lower"
        + " tasks.max of the connectors, or run fewer workers or several groups.";
  }
}
