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
 * Ends transactions that block readers of the offsets topic and that nobody else ends: those of
 * tasks on a crashed worker that no worker opens again, because their connector was deleted or
 * paused. Without this, each starting task would wait for the transaction timeout.
 *
 * <p>Only transactions that have been open for more than a second are examined. The worker sends no
 * requests while no task waits. The leader of the group is an exception: it requests the end
 * offsets once a second.
 *
 * <p>Thread-safe; works on a thread of its own.
 */
public final class AbandonedTransactions implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AbandonedTransactions.class);
  private static final long INTERVAL_MILLIS = 1000;
  private static final Duration TIMEOUT = Duration.ofSeconds(20);

  /** Decides which transactions may be ended. Thread-safe. */
  public interface Tasks {
    /** Returns whether this worker ends the transactions that no worker owns. */
    boolean isLeader();

    /**
     * Returns whether no known task uses a transactional id, and ending its transaction is up to
     * this worker.
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
   * Creates the check; {@link #start} starts it.
   *
   * @param group the group id, with which the transactional ids of the group start
   */
  AbandonedTransactions(
      OffsetTopicReader reader, TransactionFencer fencer, String group, Tasks tasks) {
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
        KafkaFutures.await(end(last, now), "Kafka did not end the abandoned transactions", TIMEOUT);
      }
    } catch (RuntimeException e) {
      // Only logged, because an exception would end the periodic checks.
      LOG.debug("Can't check the open transactions of the offsets topic", e);
    }
  }

  private CompletableFuture<Void> end(
      Map<TopicPartition, Long> last, Map<TopicPartition, Long> now) {
    return reader
        .ends()
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
                    "Ending transactions that block the offsets topic and that no worker owns: {}",
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
