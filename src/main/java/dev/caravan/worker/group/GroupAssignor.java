// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static java.util.Objects.requireNonNull;

import dev.caravan.worker.kafka.KafkaCluster;
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
 * The assignor of Kafka's consumer group protocol. It reports what this worker has and, on the
 * group's leader, assigns the tasks. It assigns tasks instead of partitions. One worker gets all
 * partitions of the internal topics, which shows other groups that the topics are in use. Each
 * other worker gets the first partition, because Kafka's client reports a lost membership only to
 * members that have partitions. No worker reads them.
 *
 * <p>Kafka's consumer creates it and calls it on the thread that polls the group.
 */
public final class GroupAssignor implements ConsumerPartitionAssignor, Configurable {
  /** The consumer property with the {@link RebalanceListener}. */
  static final String MEMBER = "caravan.group.member";

  /** The consumer property with the {@link GroupMetadataSize}. */
  static final String SIZE = "caravan.group.size";

  /** The name of the assignor in the group protocol. */
  static final String NAME = KafkaCluster.GROUP_PROTOCOL;

  private static final Logger LOG = LoggerFactory.getLogger(GroupAssignor.class);

  private @Nullable RebalanceListener member;
  private GroupMetadataSize size = new GroupMetadataSize("");

  @Override
  public void configure(Map<String, ?> configs) {
    member = (RebalanceListener) requireNonNull(configs.get(MEMBER), MEMBER + " is not set");
    if (configs.get(SIZE) instanceof GroupMetadataSize given) {
      size = given;
    }
  }

  private RebalanceListener member() {
    return requireNonNull(member, "not configured");
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public ByteBuffer subscriptionUserData(Set<String> topics) {
    return GroupProtocol.encode(member().memberState());
  }

  @Override
  public GroupAssignment assign(Cluster metadata, GroupSubscription groupSubscription) {
    Map<String, Subscription> subscriptions = groupSubscription.groupSubscription();
    SortedMap<String, MemberState> states = new TreeMap<>();
    Set<String> unreadable = new TreeSet<>();
    subscriptions.forEach(
        (id, subscription) -> {
          try {
            states.put(id, state(subscription));
          } catch (IOException | RuntimeException e) {
            unreadable.add(id);
            LOG.error(
                "The state of group member \"{}\" can't be read: {}. The member gets no tasks, and"
                    + " tasks without an owner wait for one session timeout. Stop the member if it is"
                    + " not a worker, or upgrade all workers to the same version.",
                id,
                e.getMessage());
          }
        });
    Assignments assignments = member().assign(states, unreadable);
    List<String> workers = List.copyOf(states.keySet());
    Map<String, Assignment> result = new HashMap<>();
    subscriptions.forEach(
        (id, subscription) -> {
          List<TopicPartition> its = partitions(metadata, subscription);
          int worker = workers.indexOf(id);
          int count = worker == 0 ? its.size() : Math.min(1, its.size());
          result.put(
              id,
              worker >= 0
                  ? new Assignment(
                      its.subList(0, count), GroupProtocol.encode(assignments.of(worker)))
                  : new Assignment(its.subList(0, count)));
        });
    size.computed(subscriptions.values(), result.values());
    return new GroupAssignment(result);
  }

  /**
   * Parses the state of a member. If a member has tasks but no group generation, the group had
   * removed it and others may have its tasks. It must stop them before it gets any.
   */
  private static MemberState state(Subscription subscription) throws IOException {
    MemberState state = GroupProtocol.decodeState(subscription.userData());
    boolean isReset = subscription.generationId().filter(generation -> generation >= 0).isEmpty();
    return isReset && !state.owned().isEmpty() ? state.withoutTaking() : state;
  }

  /**
   * Returns the partitions of the topics that a member subscribes to. A member that gets others
   * joins again without end.
   */
  private static List<TopicPartition> partitions(Cluster metadata, Subscription subscription) {
    List<TopicPartition> partitions = new ArrayList<>();
    for (String topic : new TreeSet<>(subscription.topics())) {
      for (PartitionInfo partition : metadata.partitionsForTopic(topic)) {
        partitions.add(new TopicPartition(topic, partition.partition()));
      }
    }
    return partitions;
  }

  @Override
  public void onAssignment(Assignment assignment, ConsumerGroupMetadata metadata) {
    try {
      MemberAssignment own = GroupProtocol.decodeAssignment(assignment.userData());
      member().onAssigned(own, metadata.memberId(), metadata.generationId());
    } catch (IOException | RuntimeException e) {
      LOG.error(
          "The assignment of the group's leader can't be read: {}. This worker stops its tasks."
              + " Check whether the group has members that are not workers, or workers of another"
              + " version.",
          e.getMessage());
      member().onUnreadableAssignment();
    }
  }
}
