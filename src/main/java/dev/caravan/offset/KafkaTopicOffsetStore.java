// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;

import java.io.Closeable;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stores the offsets of routes in a compacted Kafka topic, with its own clients. The records are
 * those of Kafka Connect with the owner as the connector; see {@link KafkaOffsetStore}.
 *
 * <p>The store opens its clients at the first use. It creates a missing topic, and refuses a topic
 * that is not compacted. {@link #close} closes the clients; a later use opens them again.
 *
 * <p>Safe for use by several threads. A daemon thread of the store sends the saves.
 */
public final class KafkaTopicOffsetStore implements SharedOffsetStore, Closeable {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaTopicOffsetStore.class);

  private static final Duration TIMEOUT = Duration.ofSeconds(15);
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration ASK_AGAIN = Duration.ofMillis(100);

  /** Small, because Kafka does not compact the active segment, and a load reads the whole topic. */
  private static final String SEGMENT_BYTES = Integer.toString(16 * 1024 * 1024);

  private final String topic;
  private final Map<String, Object> settings;
  private final Executor writer;
  private @Nullable Clients clients;

  /** The open clients. */
  private record Clients(Admin admin, Producer<byte[], byte[]> producer) {
    void close(Duration timeout) {
      producer.close(timeout);
      admin.close(timeout);
    }
  }

  /**
   * @param topic the name of the topic
   * @param settings the settings of the Kafka clients, such as {@code bootstrap.servers} and {@code
   *     security.protocol}; {@code acks} is always {@code all}
   */
  public KafkaTopicOffsetStore(String topic, Map<String, ?> settings) {
    this.topic = topic;
    this.settings = Map.copyOf(settings);
    this.writer = WriterThread.executor("offset-topic-writer-" + topic);
  }

  @Override
  public OffsetStore of(String owner) {
    return new OwnerInTopic(owner);
  }

  private synchronized Clients open() {
    if (clients == null) {
      Admin admin = Admin.create(adminSettings());
      try {
        ensureCompactedTopic(admin);
        clients =
            new Clients(
                admin,
                new KafkaProducer<>(
                    producerSettings(), new ByteArraySerializer(), new ByteArraySerializer()));
      } catch (RuntimeException e) {
        admin.close(Duration.ZERO);
        throw e;
      }
    }
    return clients;
  }

  private Map<String, Object> adminSettings() {
    Map<String, Object> all = new HashMap<>();
    all.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, (int) TIMEOUT.toMillis());
    all.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) TIMEOUT.toMillis());
    all.putAll(settings);
    return all;
  }

  private Map<String, Object> producerSettings() {
    Map<String, Object> all = new HashMap<>();
    // With several requests in flight, a partition whose leader changes during a producer's first
    // writes may accept the second request before the first, and then refuse the first permanently.
    all.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, 1);
    all.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, TIMEOUT.toMillis());
    all.putAll(settings);
    all.put(ProducerConfig.ACKS_CONFIG, "all");
    return all;
  }

  private Map<String, Object> consumerSettings() {
    Map<String, Object> all = new HashMap<>(settings);
    all.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    all.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    all.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    all.remove(ConsumerConfig.GROUP_ID_CONFIG);
    return all;
  }

  private void ensureCompactedTopic(Admin admin) {
    if (!exists(admin)) {
      create(admin);
      awaitExists(admin);
    }
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    String policy;
    try {
      policy =
          requireNonNull(
                  ask(
                          admin.describeConfigs(List.of(resource)).all(),
                          "describe the configuration of")
                      .get(resource))
              .get(TopicConfig.CLEANUP_POLICY_CONFIG)
              .value();
    } catch (KafkaException e) {
      if (e.getCause() instanceof AuthorizationException) {
        LOG.warn(
            "The cleanup.policy of the offsets topic \"{}\" cannot be checked: {}. It must be"
                + " \"compact\".",
            topic,
            e.getCause().getMessage());
        return;
      }
      throw e;
    }
    if (!TopicConfig.CLEANUP_POLICY_COMPACT.equals(policy)) {
      throw new KafkaException(
          "Topic \""
              + topic
              + "\" has the cleanup.policy \""
              + policy
              + "\", with which Kafka deletes old offsets. Set it to \"compact\", or set another topic"
              + " in offsetStore.");
    }
  }

  private boolean exists(Admin admin) {
    try {
      ask(admin.describeTopics(List.of(topic)).allTopicNames(), "describe");
      return true;
    } catch (KafkaException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        return false;
      }
      throw e;
    }
  }

  /** Waits until the broker knows a new topic, which the controller has created. */
  private void awaitExists(Admin admin) {
    long deadline = System.nanoTime() + TIMEOUT.toNanos();
    while (!exists(admin)) {
      if (System.nanoTime() - deadline > 0 || Thread.currentThread().isInterrupted()) {
        throw new KafkaException(
            "Kafka at "
                + settings.get(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG)
                + " has created the offsets topic \""
                + topic
                + "\", but does not know it yet.");
      }
      LockSupport.parkNanos(ASK_AGAIN.toNanos());
    }
  }

  private void create(Admin admin) {
    NewTopic compacted =
        new NewTopic(topic, Optional.of(1), Optional.empty())
            .configs(
                Map.of(
                    TopicConfig.CLEANUP_POLICY_CONFIG,
                    TopicConfig.CLEANUP_POLICY_COMPACT,
                    TopicConfig.SEGMENT_BYTES_CONFIG,
                    SEGMENT_BYTES));
    try {
      ask(admin.createTopics(List.of(compacted)).all(), "create");
    } catch (KafkaException e) {
      if (!(e.getCause() instanceof TopicExistsException)) {
        throw e;
      }
    }
  }

  private <T> T ask(KafkaFuture<T> answer, String what) {
    String failure =
        "Kafka at "
            + settings.get(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG)
            + " did not "
            + what
            + " the offsets topic \""
            + topic
            + '"';
    try {
      return answer.get(2 * TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      Throwable cause = requireNonNullElse(e.getCause(), e);
      throw new KafkaException(failure + ": " + cause.getMessage(), cause);
    } catch (TimeoutException e) {
      throw new KafkaException(failure + " within " + 2 * TIMEOUT.toSeconds() + " s.", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new KafkaException(failure + " before the route was stopped.", e);
    }
  }

  /** Closes the clients. Blocks for at most 10 s. Saves that are not sent within 5 s fail. */
  @Override
  public void close() {
    Clients closing;
    synchronized (this) {
      closing = clients;
      clients = null;
    }
    if (closing != null) {
      closing.close(CLOSE_TIMEOUT);
    }
  }

  private final class OwnerInTopic implements OffsetStore {
    private final String owner;

    OwnerInTopic(String owner) {
      this.owner = owner;
    }

    private KafkaOffsetStore opened() {
      Clients opened = open();
      return new KafkaOffsetStore(
          owner,
          topic,
          opened.producer(),
          new TopicScan(
              topic,
              () ->
                  new KafkaConsumer<>(
                      consumerSettings(), new ByteArrayDeserializer(), new ByteArrayDeserializer()),
              opened.admin()),
          Runnable::run);
    }

    @Override
    public Map<Integer, Offset> load(String bucket, Collection<Integer> vbuckets) {
      return opened().load(bucket, vbuckets);
    }

    @Override
    public CompletionStage<Void> save(String bucket, Map<Integer, Offset> offsets) {
      Map<Integer, Offset> toSave = Map.copyOf(offsets);
      return CompletableFuture.supplyAsync(() -> opened().save(bucket, toSave), writer)
          .thenCompose(sent -> sent);
    }
  }
}
