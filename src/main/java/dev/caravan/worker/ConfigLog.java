// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static java.util.Objects.requireNonNullElse;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/**
 * The topic that keeps what connectors there are: one partition, so that all writes have one order,
 * compacted, so that the last record of each key stays. It is the truth, for every worker of the
 * cluster: a connector exists when its record is committed. Safe for use by several threads.
 */
final class ConfigLog implements AutoCloseable {
  private static final Duration READ_TIMEOUT = Duration.ofMinutes(2);

  /** A transaction that isn't over by then is taken for one that nobody ends. */
  private static final Duration OPEN_TRANSACTION = Duration.ofSeconds(2);

  private final KafkaCluster cluster;
  private final TopicPartition partition;
  private final ConfigReader reader;
  private final ConfigWriter writer;

  /**
   * Opens the topic, and makes it if it isn't there.
   *
   * @param listener is told of every change, in order, by the reader's thread; it must not block
   * @throws org.apache.kafka.common.config.ConfigException if the topic is not of this kind
   * @throws KafkaException if Kafka can't be reached or refuses
   */
  ConfigLog(WorkerConfig config, KafkaCluster cluster, Consumer<ConfigView> listener) {
    cluster.ensure(config.configTopic());
    this.cluster = cluster;
    this.partition = new TopicPartition(config.configTopic().name(), 0);
    this.reader = new ConfigReader(config.internalConsumerSettings(), partition, listener);
    this.writer = new ConfigWriter(config, partition, cluster, reader);
  }

  /**
   * Begins to follow the topic, and waits until it is read to its present end.
   *
   * @throws KafkaException if that can't be done within two minutes
   */
  void start() {
    reader.start();
    try {
      // The end as it is for everybody: what a consumer of committed records takes for the end is
      // the first open transaction, and there may be committed records after it.
      long end = cluster.endOffset(partition, KafkaCluster.TIMEOUT);
      if (!reader.await(end, OPEN_TRANSACTION)) {
        // A worker died in the middle of a change, or is slow: whoever writes next ends that.
        write(view -> List.of()).get(READ_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
      }
    } catch (ExecutionException | TimeoutException e) {
      throw new KafkaException(
          "The config topic '"
              + partition.topic()
              + "' could not be read to its end: "
              + requireNonNullElse(e.getCause(), e).getMessage(),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new KafkaException("Interrupted while reading the config topic", e);
    }
  }

  /** What the topic says, as far as this worker has read it. */
  ConfigView view() {
    return reader.view();
  }

  /** Makes a change, see {@link ConfigWriter#write}. */
  CompletableFuture<ConfigView> write(Function<ConfigView, List<ConfigChange>> change) {
    return writer.write(change);
  }

  /** Stops reading and writing. Blocks for a few seconds at most. */
  @Override
  public void close() {
    writer.close();
    reader.close();
  }
}
