// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.kafka;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.ConsumerGroupState;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends the worker's administrative requests to the Kafka cluster. Thread-safe. Each method blocks
 * for {@link #TIMEOUT} at most, unless it says otherwise, and throws a {@link KafkaException} that
 * names the request and the brokers.
 */
public final class KafkaCluster implements TopicAdmin, AutoCloseable {
  public static final Duration TIMEOUT = Duration.ofSeconds(30);

  /** The protocol name of worker groups, which Kafka's tools show as the group's assignor. */
  public static final String GROUP_PROTOCOL = "caravan";

  /** The timeout of periodic requests. */
  private static final Duration SHORT_TIMEOUT = Duration.ofSeconds(5);

  private static final Duration RETRY_INTERVAL = Duration.ofMillis(100);

  private static final Logger LOG = LoggerFactory.getLogger(KafkaCluster.class);

  private final String brokers;
  private final Admin admin;

  public KafkaCluster(WorkerConfig config) {
    Map<String, Object> settings = new HashMap<>(config.adminSettings());
    settings.put(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, config.bootstrapServers());
    this.brokers = config.bootstrapServers();
    this.admin = Admin.create(settings);
  }

  /** Returns the worker's only admin client. The caller must not close it. */
  public Admin admin() {
    return admin;
  }

  /** Returns the id of the cluster. */
  public String id() {
    return result(admin.describeCluster().clusterId(), "return its id");
  }

  /**
   * Creates a compacted topic if it does not exist.
   *
   * @return the number of partitions of the topic
   * @throws ConfigException if a topic of that name exists but does not fit
   */
  public int ensureTopic(InternalTopic topic) {
    if (describe(topic.name()).isEmpty()) {
      create(topic);
    }
    // A new topic is not visible on all brokers at once, whichever worker created it.
    int partitions =
        await(() -> describe(topic.name()), "create topic \"" + topic.name() + "\"")
            .partitions()
            .size();
    if (topic.isSinglePartition() && partitions != 1) {
      throw new ConfigException(
          "Topic '"
              + topic.name()
              + "' supplied via the '"
              + topic.property()
              + "' property is required to have a single partition in order to guarantee"
              + " consistency of "
              + topic.contents()
              + ", but found "
              + partitions
              + " partitions. Name another topic, or one that the worker can create.");
    }
    checkCompacted(topic);
    return partitions;
  }

  private Optional<TopicDescription> describe(String topic) {
    return ifKnown(
        () ->
            result(
                requireNonNull(admin.describeTopics(List.of(topic)).topicNameValues().get(topic)),
                "describe topic \"" + topic + "\""));
  }

  /** Creates the topic. Does nothing if another worker creates it at the same time. */
  private void create(InternalTopic topic) {
    try {
      create(topic, topic.replication());
    } catch (KafkaException e) {
      if (topic.isReplicationConfigured()
          || !(e.getCause() instanceof InvalidReplicationFactorException)) {
        throw e;
      }
      int nodes = result(admin.describeCluster().nodes(), "list its brokers").size();
      LOG.warn(
          "Kafka has only {} broker(s), so topic \"{}\" gets that replication factor. Set {} to use"
              + " another one.",
          nodes,
          topic.name(),
          topic.replicationProperty());
      create(topic, Optional.of((short) nodes));
    }
  }

  private void create(InternalTopic topic, Optional<Short> replication) {
    create(new NewTopic(topic.name(), topic.partitions(), replication).configs(topic.settings()));
  }

  /** {@inheritDoc} Blocks for {@link #SHORT_TIMEOUT} at most. */
  @Override
  public Set<String> missing(Set<String> topics) {
    Set<String> missing = new HashSet<>();
    Map<String, KafkaFuture<TopicDescription>> answers =
        admin
            .describeTopics(
                topics, new DescribeTopicsOptions().timeoutMs((int) SHORT_TIMEOUT.toMillis()))
            .topicNameValues();
    answers.forEach(
        (topic, answer) -> {
          try {
            result(answer, "describe topic \"" + topic + "\"", SHORT_TIMEOUT);
          } catch (KafkaException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException
                || e.getCause() instanceof InvalidTopicException) {
              missing.add(topic);
            } else if (!(e.getCause() instanceof AuthorizationException)) {
              throw e;
            }
          }
        });
    return missing;
  }

  /**
   * Creates a topic with the broker's default configuration if it does not exist. Needs the right
   * to create topics only if it does not exist.
   */
  @Override
  public void create(String topic, Optional<Short> replication) {
    if (!exists(topic)) {
      create(new NewTopic(topic, Optional.empty(), replication));
    }
  }

  private boolean exists(String topic) {
    try {
      return describe(topic).isPresent();
    } catch (KafkaException e) {
      if (e.getCause() instanceof AuthorizationException) {
        // A topic that this worker may not describe may still have to be created.
        return false;
      }
      throw e;
    }
  }

  private void create(NewTopic topic) {
    try {
      result(admin.createTopics(List.of(topic)).all(), "create topic \"" + topic.name() + "\"");
    } catch (KafkaException e) {
      if (!(e.getCause() instanceof TopicExistsException)) {
        throw e;
      }
    }
  }

  private void checkCompacted(InternalTopic topic) {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic.name());
    String policy;
    try {
      ConfigEntry entry =
          result(
                  requireNonNull(admin.describeConfigs(List.of(resource)).values().get(resource)),
                  "describe the configuration of topic \"" + topic.name() + "\"")
              .get(TopicConfig.CLEANUP_POLICY_CONFIG);
      policy = entry.value();
    } catch (KafkaException e) {
      if (e.getCause() instanceof AuthorizationException) {
        LOG.warn(
            "Can't check whether topic \"{}\" has cleanup.policy \"compact\": {}",
            topic.name(),
            e.getCause().getMessage());
        return;
      }
      throw e;
    }
    if (!TopicConfig.CLEANUP_POLICY_COMPACT.equals(policy)) {
      throw new ConfigException(
          "Topic '"
              + topic.name()
              + "' supplied via the '"
              + topic.property()
              + "' property is required to have 'cleanup.policy=compact' to guarantee consistency"
              + " and durability of "
              + topic.contents()
              + ", but found the topic currently has 'cleanup.policy="
              + policy
              + "'. Continuing would risk losing them when the topic is cleaned.");
    }
  }

  /**
   * Checks that no other group of running workers uses the given topics. Two groups with the same
   * topics would run each other's connectors.
   *
   * @param group the group of this worker
   * @param others the groups to check
   * @throws ConfigException if one of these groups uses a topic; the message names the group
   * @throws KafkaException if a group can't be described, for example without the right to do so
   */
  public void checkNotUsedByOthers(Set<String> topics, String group, Set<String> others) {
    if (others.isEmpty()) {
      return;
    }
    admin
        .describeConsumerGroups(others)
        .describedGroups()
        .forEach(
            (other, description) ->
                usedTopic(other, description, topics)
                    .ifPresent(
                        topic -> {
                          throw new ConfigException(
                              "Topic '"
                                  + topic
                                  + "' is in use by the workers of group "
                                  + other
                                  + ". Use other topics for group "
                                  + group
                                  + ", or the same group for all workers that share the load.");
                        }));
  }

  /** Returns one of the given topics that the workers of a group use; empty if they use none. */
  private Optional<String> usedTopic(
      String group, KafkaFuture<ConsumerGroupDescription> description, Set<String> topics) {
    ConsumerGroupDescription found;
    try {
      found = result(description, "describe group \"" + group + "\"");
    } catch (KafkaException e) {
      if (e.getCause() instanceof GroupIdNotFoundException) {
        return Optional.empty();
      }
      throw e;
    }
    if (!found.partitionAssignor().equals(GROUP_PROTOCOL)) {
      return Optional.empty();
    }
    return found.members().stream()
        .flatMap(member -> member.assignment().topicPartitions().stream())
        .map(TopicPartition::topic)
        .filter(topics::contains)
        .findAny();
  }

  /**
   * Returns whether a group is in a rebalance and waits for members to join, and has the given
   * member. Does not block. The result fails if the group can't be described.
   */
  public CompletionStage<Boolean> isJoining(String group, String memberId) {
    return admin
        .describeConsumerGroups(List.of(group))
        .all()
        .thenApply(
            groups ->
                groups.values().stream()
                    .anyMatch(
                        found ->
                            found.state() == ConsumerGroupState.PREPARING_REBALANCE
                                && found.members().stream()
                                    .anyMatch(member -> member.consumerId().equals(memberId))))
        .toCompletionStage();
  }

  /**
   * Returns the id of a topic, which changes when the topic is deleted and created again. Brokers
   * before Kafka 2.8 return the same id for all topics. Empty if the broker does not know the
   * topic.
   */
  public Optional<Uuid> topicId(String topic, Duration timeout) {
    return ifKnown(
            () ->
                result(
                    requireNonNull(
                        admin.describeTopics(List.of(topic)).topicNameValues().get(topic)),
                    "describe topic \"" + topic + "\"",
                    timeout))
        .map(TopicDescription::topicId);
  }

  /** Returns the end offset of a partition, records of open transactions included. */
  public long endOffset(TopicPartition partition, Duration timeout) {
    String what = "return the end offset of " + partition;
    return await(
        () ->
            ifKnown(
                () ->
                    result(
                            admin
                                .listOffsets(Map.of(partition, OffsetSpec.latest()))
                                .partitionResult(partition),
                            what,
                            timeout)
                        .offset()),
        what,
        timeout);
  }

  /** Returns the result of a request about a topic; empty if the broker does not know the topic. */
  private static <T> Optional<T> ifKnown(Supplier<T> request) {
    try {
      return Optional.of(request.get());
    } catch (KafkaException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Repeats the request until it has a result. */
  private <T> T await(Supplier<Optional<T>> request, String what) {
    return await(request, what, TIMEOUT);
  }

  private <T> T await(Supplier<Optional<T>> request, String what, Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    Optional<T> answer = request.get();
    while (answer.isEmpty()) {
      if (System.nanoTime() - deadline > 0) {
        throw new KafkaException(
            "Kafka at " + brokers + " did not " + what + " within " + timeout.toSeconds() + " s");
      }
      LockSupport.parkNanos(RETRY_INTERVAL.toNanos());
      answer = request.get();
    }
    return answer.get();
  }

  private <T> T result(KafkaFuture<T> answer, String what) {
    return result(answer, what, TIMEOUT);
  }

  private <T> T result(KafkaFuture<T> answer, String what, Duration timeout) {
    return KafkaFutures.await(answer, "Kafka at " + brokers + " did not " + what, timeout);
  }

  @Override
  public void close() {
    admin.close(Duration.ofSeconds(5));
  }
}
