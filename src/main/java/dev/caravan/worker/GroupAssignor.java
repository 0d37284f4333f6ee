// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Configurable;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where Kafka's consumer group asks a worker what it has and, if it is the group's leader, who is
 * to have what. It shares tasks, not partitions. One worker gets all partitions of the worker's
 * topics, so that everybody can see which group uses them, and each other one gets the first of
 * them, because Kafka's client only tells those who have partitions that the group has forgotten
 * them. Nobody reads them.
 *
 * <p>Made by Kafka's consumer, and called on its thread.
 */
public final class GroupAssignor implements ConsumerPartitionAssignor, Configurable {
  /** The consumer's setting that holds the {@link GroupMember}. */
  static final String MEMBER = "caravan.group.member";

  /** The name of the protocol, by which Kafka and its tools know that a group is one of workers. */
  static final String NAME = "caravan";

  private static final Logger LOG = LoggerFactory.getLogger(GroupAssignor.class);

  private @Nullable GroupMember member;

  @Override
  public void configure(Map<String, ?> configs) {
    member = (GroupMember) requireNonNull(configs.get(MEMBER), MEMBER + " is not set");
  }

  private GroupMember member() {
    return requireNonNull(member, "not configured");
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public ByteBuffer subscriptionUserData(Set<String> topics) {
    return GroupProtocol.encode(member().join());
  }

  @Override
  public GroupAssignment assign(Cluster metadata, GroupSubscription groupSubscription) {
    Map<String, Subscription> subscriptions = groupSubscription.groupSubscription();
    SortedMap<String, MemberState> states = new TreeMap<>();
    subscriptions.forEach(
        (id, subscription) -> {
          try {
            states.put(id, GroupProtocol.decodeState(subscription.userData()));
          } catch (IOException | RuntimeException e) {
            LOG.error(
                "Member {} of the group gets no tasks, since what it tells can't be read: {}. Do"
                    + " all workers have the same version?",
                id,
                e.getMessage());
          }
        });
    Assignments assignments = member().assign(states);
    List<TopicPartition> all = partitions(metadata, subscriptions);
    Map<String, Assignment> result = new HashMap<>();
    int index = 0;
    for (String id : new TreeSet<>(subscriptions.keySet())) {
      List<TopicPartition> partitions =
          result.isEmpty() ? all : all.subList(0, Math.min(1, all.size()));
      result.put(
          id,
          states.containsKey(id)
              ? new Assignment(partitions, GroupProtocol.encode(assignments, index++))
              : new Assignment(partitions));
    }
    return new GroupAssignment(result);
  }

  private static List<TopicPartition> partitions(
      Cluster metadata, Map<String, Subscription> subscriptions) {
    Set<String> topics = new TreeSet<>();
    subscriptions.values().forEach(subscription -> topics.addAll(subscription.topics()));
    List<TopicPartition> partitions = new ArrayList<>();
    for (String topic : topics) {
      for (PartitionInfo partition : metadata.partitionsForTopic(topic)) {
        partitions.add(new TopicPartition(topic, partition.partition()));
      }
    }
    return partitions;
  }

  @Override
  public void onAssignment(Assignment assignment, ConsumerGroupMetadata metadata) {
    if (assignment.userData() == null || !assignment.userData().hasRemaining()) {
      LOG.error("The leader of the group can't read what this worker tells, and gives it nothing");
      member().unreadable();
      return;
    }
    try {
      GroupProtocol.Told told = GroupProtocol.decodeAssignments(assignment.userData());
      member().assigned(told.assignments(), told.member(), metadata.generationId());
    } catch (IOException | RuntimeException e) {
      LOG.error("What the leader of the group has decided can't be read: {}", e.getMessage());
      member().unreadable();
    }
  }
}
