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
 * The topic that keeps what connectors there are: one partition, so that all writes have one order,
 * compacted, so that the last record of each key stays. It is the truth, for every worker of the
 * cluster: a connector exists when its record is committed. Safe for use by several threads.
 *
 * <p>The topic is for one group of workers. Each record names the group that wrote it, so that it
 * is enough to ask Kafka for the groups that are named there: a list of all groups would be long on
 * a cluster that many use.
 */
public final class ConfigTopic implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ConfigTopic.class);

  /** When reading makes no progress for that long, a transaction is open that maybe nobody ends. */
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
   * Opens the topic, and makes it if it isn't there.
   *
   * @param listener is given every new snapshot, in order, on the reader's thread; it must not block
   * @param refused is given the reason if the workers of another group begin to use the topic
   * @throws ConfigException if the topic is not of this kind
   * @throws KafkaException if Kafka can't be reached or refuses
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
   * Begins to follow the topic, and waits until it is read to its present end, for as long as
   * reading makes progress.
   *
   * @throws KafkaException if reading makes no progress
   * @throws ConfigException if the workers of another group use a topic of this one's
   */
  public void start() {
    try {
      identify();
      reader.start();
      // The end of all records: a consumer of committed records takes the first open transaction
      // for the end, and there may be committed records after it.
      long end = cluster.endOffset(partition, KafkaCluster.TIMEOUT);
      if (!reader.await(end, OPEN_TRANSACTION)) {
        // A worker died in the middle of a change, or is slow: whoever writes next ends that.
        endOpenTransactions();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new KafkaException("Interrupted while reading the config topic", e);
    }
    try {
      checkGroups();
    } catch (ConfigException e) {
      throw e;
    } catch (KafkaException e) {
      LOG.warn("Whether other groups use the worker's topics can't be checked: {}", e.getMessage());
    }
    checks.scheduleWithFixedDelay(
        this::check, CHECK_PERIOD.toMillis(), CHECK_PERIOD.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Each attempt is bounded by timeouts of its own, which count from the last progress. */
  private void endOpenTransactions() throws InterruptedException {
    while (true) {
      ConfigSnapshot before = reader.snapshot();
      try {
        write(snapshot -> List.of()).get();
        return;
      } catch (ExecutionException e) {
        if (!reader.snapshot().isNewerThan(before)) {
          throw new KafkaException(
              "The config topic '"
                  + partition.topic()
                  + "' could not be read to its end: "
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
      // The next one must come, whatever this is.
      LOG.debug("The config topic can't be checked at the moment: {}", e.toString());
    }
  }

  /** What the topic says, as far as this worker has read it. */
  public ConfigSnapshot snapshot() {
    return reader.snapshot();
  }

  /** Makes a change that somebody waits for until it is made or has failed. */
  public CompletableFuture<ConfigSnapshot> write(Function<ConfigSnapshot, List<ConfigChange>> change) {
    return write(change, new CompletableFuture<>());
  }

  /** Makes a change, see {@link ConfigWriter#write}. */
  public CompletableFuture<ConfigSnapshot> write(
      Function<ConfigSnapshot, List<ConfigChange>> change, CompletableFuture<Void> unwanted) {
    return writer.write(change, unwanted);
  }

  /** Stops reading and writing. Blocks for a few seconds at most. */
  @Override
  public void close() {
    checks.shutdownNow();
    writer.close();
    reader.close();
  }
}
