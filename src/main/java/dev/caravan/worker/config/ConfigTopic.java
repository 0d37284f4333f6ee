// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import static java.util.Objects.requireNonNullElse;

import dev.caravan.worker.kafka.KafkaCluster;
import dev.caravan.worker.kafka.WorkerConfig;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The config topic: all connectors, their configurations and target states. It has one partition,
 * so that all writes are ordered, and is compacted. A connector exists when its record is
 * committed. Thread-safe.
 *
 * <p>Only one group of workers may use the topic. Each record names the group that wrote it, so
 * that a worker only asks Kafka for the groups that are named in the topic and not for all groups
 * of the cluster.
 */
public final class ConfigTopic implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ConfigTopic.class);

  /** Without progress for this long, an open transaction blocks the reader. */
  private static final Duration OPEN_TRANSACTION = Duration.ofSeconds(2);

  private static final Duration CHECK_PERIOD = Duration.ofSeconds(5);
  private static final Duration CHECK_TIMEOUT = Duration.ofSeconds(5);

  private final KafkaCluster cluster;
  private final TopicPartition partition;
  private final WorkerConfig config;
  private final Consumer<RuntimeException> refused;
  private final ConfigReader reader;
  private final ConfigWriter writer;
  private final ScheduledExecutorService checks =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "config-topic-check");
            thread.setDaemon(true);
            return thread;
          });

  /**
   * Opens the topic, and creates it if it does not exist.
   *
   * @param listener receives each new snapshot, in order, on the reader's thread; must not block
   * @param refused receives the reason if the workers of another group begin to use the topic
   * @throws ConfigException if the topic exists but does not fit
   * @throws KafkaException if a request to Kafka fails
   */
  public ConfigTopic(
      WorkerConfig config,
      KafkaCluster cluster,
      Consumer<ConfigSnapshot> listener,
      Consumer<RuntimeException> refused) {
    cluster.ensureTopic(config.configTopic());
    this.config = config;
    this.refused = refused;
    this.cluster = cluster;
    this.partition = new TopicPartition(config.configTopic().name(), 0);
    this.reader = new ConfigReader(config.internalConsumerSettings(), partition, listener);
    this.writer = new ConfigWriter(config, partition, cluster, reader);
  }

  /**
   * Starts to follow the topic and waits until it is read to its current end. Waits as long as
   * reading makes progress.
   *
   * @throws KafkaException if reading makes no progress
   * @throws ConfigException if the workers of another group use an internal topic of this worker
   */
  public void start() {
    try {
      identify();
      reader.start();
      // The end offset of uncommitted records too: a consumer of committed records stops at the
      // first open transaction, but committed records may follow.
      long end = cluster.endOffset(partition, KafkaCluster.TIMEOUT);
      if (!reader.await(end, OPEN_TRANSACTION)) {
        // A worker is slow, or crashed during a change. The next writer ends its transaction.
        endOpenTransactions();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new KafkaException("The thread was interrupted while it read the config topic.", e);
    }
    try {
      checkGroups();
    } catch (ConfigException e) {
      throw e;
    } catch (KafkaException e) {
      LOG.warn("Can't check whether other groups use the worker's topics: {}", e.getMessage());
    }
    checks.scheduleWithFixedDelay(
        this::check, CHECK_PERIOD.toMillis(), CHECK_PERIOD.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Each attempt has timeouts of its own, which count from the last progress. */
  private void endOpenTransactions() throws InterruptedException {
    while (true) {
      ConfigSnapshot before = reader.snapshot();
      try {
        write(snapshot -> List.of()).get();
        return;
      } catch (ExecutionException e) {
        if (!reader.snapshot().isNewerThan(before)) {
          throw new KafkaException(
              "The config topic \""
                  + partition.topic()
                  + "\" could not be read to its end: "
                  + requireNonNullElse(e.getCause(), e).getMessage(),
              e);
        }
      }
    }
  }

  private void identify() throws InterruptedException {
    Optional<Uuid> id = cluster.topicId(partition.topic(), CHECK_TIMEOUT);
    if (id.isPresent()) {
      reader.identify(id.get(), CHECK_TIMEOUT);
    }
  }

  private void checkGroups() {
    Set<String> others = new TreeSet<>(reader.groups());
    others.addAll(config.groupsOfTopics());
    others.remove(config.groupId());
    cluster.checkNotUsedByOthers(config.internalTopics(), config.groupId(), others);
  }

  private void check() {
    try {
      identify();
      checkGroups();
    } catch (ConfigException e) {
      refused.accept(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      // Only logged, because an exception would end the periodic checks.
      LOG.debug("Can't check the config topic: {}", e.toString());
    }
  }

  /** Returns the contents of the topic as far as they are read. */
  public ConfigSnapshot snapshot() {
    return reader.snapshot();
  }

  /** Writes a change that can't be cancelled, see {@link ConfigWriter#write}. */
  public CompletableFuture<ConfigSnapshot> write(
      Function<ConfigSnapshot, List<ConfigChange>> change) {
    return write(change, new CompletableFuture<>());
  }

  /** Writes a change, see {@link ConfigWriter#write}. */
  public CompletableFuture<ConfigSnapshot> write(
      Function<ConfigSnapshot, List<ConfigChange>> change, CompletableFuture<Void> unwanted) {
    return writer.write(change, unwanted);
  }

  /** Stops reading and writing. Blocks for 10 s at most. */
  @Override
  public void close() {
    checks.shutdownNow();
    writer.close();
    reader.close();
  }
}
