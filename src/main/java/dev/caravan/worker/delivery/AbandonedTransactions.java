// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.worker.kafka.KafkaFutures;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends transactions that hold back the offsets topic, and that nobody else ends: those of tasks
 * whose worker is dead, and which no worker opens again, since the connector was deleted or paused.
 * Otherwise each task that starts would wait for the transaction timeout of the dead one.
 *
 * <p>Only transactions are looked at that were open in the topic for more than a second. A worker
 * asks nothing while it waits for nothing, except the leader of the group, which once a second asks
 * for the end of the topic.
 *
 * <p>Safe for use by several threads; works on a thread of its own.
 */
public final class AbandonedTransactions implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AbandonedTransactions.class);
  private static final long INTERVAL_MILLIS = 1000;
  private static final Duration TIMEOUT = Duration.ofSeconds(20);

  /** Decides whose transactions may be ended. Safe for use by several threads. */
  public interface Tasks {
    /** Whether this worker looks after transactions that no worker has. */
    boolean isLeader();

    /**
     * Whether no task that this worker knows of uses an id, and no other worker is the one to end
     * its transaction.
     */
    boolean isAbandoned(TransactionalId id);
  }

  private final OffsetTopicReader reader;
  private final TransactionFencer fencer;
  private final String group;
  private final Tasks tasks;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread made = new Thread(task, "abandoned-transactions");
            made.setDaemon(true);
            return made;
          });

  private Map<TopicPartition, Long> before = Map.of();

  /**
   * @param group of the workers, with which their ids begin
   */
  AbandonedTransactions(OffsetTopicReader reader, TransactionFencer fencer, String group, Tasks tasks) {
    this.reader = reader;
    this.fencer = fencer;
    this.group = group;
    this.tasks = tasks;
  }

  public void start() {
    thread.scheduleWithFixedDelay(
        this::check, INTERVAL_MILLIS, INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void check() {
    try {
      Map<TopicPartition, Long> now =
          reader.isAwaited() || tasks.isLeader() ? reader.positions() : Map.of();
      Map<TopicPartition, Long> last = before;
      before = now;
      if (!now.isEmpty() && !last.isEmpty()) {
        KafkaFutures.await(
            end(last, now), "Kafka did not end the abandoned transactions", TIMEOUT);
      }
    } catch (RuntimeException e) {
      // The next check follows, whatever this is.
      LOG.debug("Open transactions of the offsets topic could not be looked at", e);
    }
  }

  private CompletableFuture<Void> end(
      Map<TopicPartition, Long> last, Map<TopicPartition, Long> now) {
    return reader.ends()
        .thenCompose(
            ends -> {
              Map<TopicPartition, Long> still = new HashMap<>(now);
              still
                  .entrySet()
                  .removeIf(
                      partition ->
                          !partition.getValue().equals(last.get(partition.getKey()))
                              || partition.getValue() >= ends.getOrDefault(partition.getKey(), 0L));
              return still.isEmpty()
                  ? CompletableFuture.completedFuture(Set.<String>of())
                  : fencer.openBefore(still);
            })
        .thenCompose(
            ids -> {
              Set<String> abandoned =
                  ids.stream()
                      .filter(
                          id ->
                              TransactionalId.parse(group, id)
                                  .filter(tasks::isAbandoned)
                                  .isPresent())
                      .collect(Collectors.toSet());
              if (!abandoned.isEmpty()) {
                LOG.info(
                    "Ending transactions that hold back the offsets topic and that no worker has:"
                        + " {}",
                    abandoned);
              }
              return fencer.fence(abandoned);
            });
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
