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
 * A worker's requests to the Kafka cluster that are not about records. Each call blocks for at most
 * {@link #TIMEOUT} and fails with a {@link KafkaException} that says what was asked of whom.
 */
public final class KafkaCluster implements TopicAdmin, AutoCloseable {
  public static final Duration TIMEOUT = Duration.ofSeconds(30);

  /** The name of the protocol by which Kafka and its tools know that a group is one of workers. */
  public static final String GROUP_PROTOCOL = "caravan";

  /** For questions that are asked again and again. */
  private static final Duration SHORT_TIMEOUT = Duration.ofSeconds(5);

  private static final Duration ASK_AGAIN = Duration.ofMillis(100);

  private static final Logger LOG = LoggerFactory.getLogger(KafkaCluster.class);

  private final String brokers;
  private final Admin admin;

  public KafkaCluster(WorkerConfig config) {
    Map<String, Object> settings = new HashMap<>(config.adminSettings());
    settings.put(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, config.bootstrapServers());
    this.brokers = config.bootstrapServers();
    this.admin = Admin.create(settings);
  }

  /** The worker's only admin client. This object closes it. */
  public Admin admin() {
    return admin;
  }

  /** The id of the cluster. */
  public String id() {
    return ask(admin.describeCluster().clusterId(), "give its id");
  }

  /**
   * Makes a topic that keeps the last record of each key, unless it is there.
   *
   * @return how many partitions it has
   * @throws ConfigException if a topic of that name is there and is another kind of topic
   */
  public int ensureTopic(InternalTopic topic) {
    if (describe(topic.name()).isEmpty()) {
      create(topic);
    }
    // Who made it doesn't matter: not every broker knows a new topic at once.
    int partitions =
        await(() -> describe(topic.name()), "know topic '" + topic.name() + "'")
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
              + " partitions. Name another topic, or one that the worker may make.");
    }
    checkCompacted(topic);
    return partitions;
  }

  private Optional<TopicDescription> describe(String topic) {
    return known(
        () ->
            ask(
                requireNonNull(admin.describeTopics(List.of(topic)).topicNameValues().get(topic)),
                "describe topic '" + topic + "'"));
  }

  /** Makes the topic, unless somebody else just did. */
  private void create(InternalTopic topic) {
    try {
      create(topic, topic.replication());
    } catch (KafkaException e) {
      if (topic.isReplicationConfigured()
          || !(e.getCause() instanceof InvalidReplicationFactorException)) {
        throw e;
      }
      int nodes = ask(admin.describeCluster().nodes(), "list its brokers").size();
      LOG.warn(
          "Kafka has {} broker(s) only: topic '{}' gets no more replicas than that. Set {} to have"
              + " another number.",
          nodes,
          topic.name(),
          topic.replicationProperty());
      create(topic, Optional.of((short) nodes));
    }
  }

  private void create(InternalTopic topic, Optional<Short> replication) {
    create(new NewTopic(topic.name(), topic.partitions(), replication).configs(topic.settings()));
  }

  /** Blocks for at most {@link #SHORT_TIMEOUT}. */
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
            ask(answer, "describe topic '" + topic + "'", SHORT_TIMEOUT);
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
   * Makes a topic with the broker's defaults, unless it is there. The right to create topics is
   * needed only if it is not.
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
        // What may not be described may not be there.
        return false;
      }
      throw e;
    }
  }

  private void create(NewTopic topic) {
    try {
      ask(admin.createTopics(List.of(topic)).all(), "make topic '" + topic.name() + "'");
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
          ask(
                  requireNonNull(admin.describeConfigs(List.of(resource)).values().get(resource)),
                  "describe the configuration of topic '" + topic.name() + "'")
              .get(TopicConfig.CLEANUP_POLICY_CONFIG);
      policy = entry.value();
    } catch (KafkaException e) {
      if (e.getCause() instanceof AuthorizationException) {
        LOG.warn(
            "Whether topic '{}' has the cleanup.policy 'compact' can't be checked: {}",
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
   * Makes sure that none of these groups of workers is running and uses these topics: each would
   * run the other's connectors.
   *
   * @throws ConfigException if one is; naming the group
   * @throws KafkaException if that is not known, for example since it needs a right that the worker
   *     needs for nothing else
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
                                  + ". Take other topics for group "
                                  + group
                                  + ", or the same group for all workers that are to share the"
                                  + " load.");
                        }));
  }

  /** One of the topics that the workers of a group use; empty if they use none. */
  private Optional<String> usedTopic(
      String group, KafkaFuture<ConsumerGroupDescription> description, Set<String> topics) {
    ConsumerGroupDescription found;
    try {
      found = ask(description, "describe group '" + group + "'");
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
   * Whether a group is waiting for members to join, this one among those that it has. Answers
   * later; fails if that is not known.
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
   * The id of a topic, which another topic of the same name does not have; always the same if
   * brokers are so old that they give topics no ids. Empty if the broker that was asked knows no
   * such topic.
   */
  public Optional<Uuid> topicId(String topic, Duration timeout) {
    return known(
            () ->
                ask(
                    requireNonNull(
                        admin.describeTopics(List.of(topic)).topicNameValues().get(topic)),
                    "describe topic '" + topic + "'",
                    timeout))
        .map(TopicDescription::topicId);
  }

  /** The offset after the last record of a partition, those of open transactions included. */
  public long endOffset(TopicPartition partition, Duration timeout) {
    String what = "give the end of " + partition;
    return await(
        () ->
            known(
                () ->
                    ask(
                            admin
                                .listOffsets(Map.of(partition, OffsetSpec.latest()))
                                .partitionResult(partition),
                            what,
                            timeout)
                        .offset()),
        what,
        timeout);
  }

  /**
   * The answer to a question about a topic; empty if the broker that was asked knows no such topic.
   */
  private static <T> Optional<T> known(Supplier<T> question) {
    try {
      return Optional.of(question.get());
    } catch (KafkaException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Asks again until there is an answer. */
  private <T> T await(Supplier<Optional<T>> question, String what) {
    return await(question, what, TIMEOUT);
  }

  private <T> T await(Supplier<Optional<T>> question, String what, Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    Optional<T> answer = question.get();
    while (answer.isEmpty()) {
      if (System.nanoTime() - deadline > 0) {
        throw new KafkaException(
            "Kafka at " + brokers + " did not " + what + " within " + timeout.toSeconds() + " s");
      }
      LockSupport.parkNanos(ASK_AGAIN.toNanos());
      answer = question.get();
    }
    return answer.get();
  }

  private <T> T ask(KafkaFuture<T> answer, String what) {
    return ask(answer, what, TIMEOUT);
  }

  private <T> T ask(KafkaFuture<T> answer, String what, Duration timeout) {
    return KafkaFutures.await(answer, "Kafka at " + brokers + " did not " + what, timeout);
  }

  @Override
  public void close() {
    admin.close(Duration.ofSeconds(5));
  }
}
