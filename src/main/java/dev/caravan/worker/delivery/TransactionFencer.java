// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.worker.kafka.KafkaFutures;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.FenceProducersOptions;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TransactionalIdNotFoundException;

/**
 * Who may write in a task's name, as Kafka's transaction coordinators know it. One for a worker.
 * Safe for use by several threads.
 */
final class TransactionFencer {
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  /**
   * The transaction timeout that an id gets when it is fenced here. No owner has one so short, see
   * {@link dev.caravan.connector.TaskConfig#transactionTimeout}, so that it can be recognized.
   */
  private static final Duration FENCED = Duration.ofMillis(9_999);

  private final Admin admin;
  private final CoalescedRequest<Set<String>> ids;

  /** By connector: the newest generation before which everything is fenced, or is being fenced. */
  private final Map<String, Fence> fences = new ConcurrentHashMap<>();

  private record Fence(long generation, CompletableFuture<Void> done) {
    boolean covers(TransactionalId id) {
      return generation >= id.generation() && !done.isCompletedExceptionally();
    }
  }

  /**
   * @param admin belongs to the caller
   */
  TransactionFencer(Admin admin) {
    this.admin = admin;
    this.ids = new CoalescedRequest<>(this::listIds);
  }

  /**
   * Aborts what earlier sets of a connector's tasks have open, and takes from them the right to
   * write. Does no harm to tasks of the same set, however often it is called. Blocks.
   *
   * <p>Kafka finds ids only by listing all of the cluster. So tasks that start together share a
   * listing, and a worker needs none for a set of tasks of which it has started one before: no task
   * of an earlier set starts after one of a later set.
   */
  void fenceOlderThan(TransactionalId id) {
    Fence fence =
        fences.compute(
            id.connector(),
            (connector, known) ->
                known != null && known.covers(id)
                    ? known
                    : new Fence(
                        id.generation(), ids.send().thenCompose(all -> fence(olderThan(id, all)))));
    await("fence the predecessors of", id, fence.done());
  }

  private static Set<String> olderThan(TransactionalId id, Set<String> all) {
    return all.stream().filter(id::isOlder).collect(Collectors.toSet());
  }

  private CompletableFuture<Set<String>> listIds() {
    return future(admin.listTransactions().all()).thenApply(TransactionFencer::ids);
  }

  private static Set<String> ids(Collection<TransactionListing> listings) {
    return listings.stream()
        .map(TransactionListing::transactionalId)
        .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * Aborts what these ids have open. An owner that is alive opens its producer again.
   *
   * @return completes when they are fenced; fails if that is not known of one
   */
  CompletableFuture<Void> fence(Set<String> transactionalIds) {
    FenceProducersOptions options = new FenceProducersOptions().timeoutMs((int) FENCED.toMillis());
    // One for each call: Kafka's client takes 0.8 s for each further one of a call.
    return CompletableFuture.allOf(
        transactionalIds.stream()
            .map(id -> future(admin.fenceProducers(List.of(id), options).all()))
            .toArray(CompletableFuture[]::new));
  }

  /**
   * The ids whose open transactions have records in these partitions from before an offset.
   *
   * @param positions the partitions with these offsets
   */
  CompletableFuture<Set<String>> openBefore(Map<TopicPartition, Long> positions) {
    return future(admin.describeProducers(positions.keySet()).all())
        .thenCompose(
            partitions -> {
              Set<Long> producers =
                  partitions.entrySet().stream()
                      .flatMap(
                          partition ->
                              partition.getValue().activeProducers().stream()
                                  .filter(
                                      producer ->
                                          producer.currentTransactionStartOffset().isPresent()
                                              && producer
                                                      .currentTransactionStartOffset()
                                                      .getAsLong()
                                                  <= positions.getOrDefault(partition.getKey(), 0L))
                                  .map(producer -> producer.producerId()))
                      .collect(Collectors.toSet());
              return producers.isEmpty()
                  ? CompletableFuture.completedFuture(Set.of())
                  : future(
                          admin
                              .listTransactions(
                                  new ListTransactionsOptions().filterProducerIds(producers))
                              .all())
                      .thenApply(TransactionFencer::ids);
            });
  }

  /**
   * Whether the last owner that opened a producer with this id did so with this transaction
   * timeout: it is all that an owner chooses and everybody can read. The epoch doesn't show it,
   * since the coordinator raises it too when a transaction has timed out. Blocks.
   */
  boolean isOwnedWith(Duration transactionTimeout, TransactionalId id) {
    try {
      long timeout =
          await(
                  "describe",
                  id,
                  future(
                      admin
                          .describeTransactions(List.of(id.toString()))
                          .description(id.toString())))
              .transactionTimeoutMs();
      return timeout == transactionTimeout.toMillis() || timeout == FENCED.toMillis();
    } catch (KafkaException e) {
      if (e.getCause() instanceof TransactionalIdNotFoundException) {
        // Kafka forgets an id that was not used for a week.
        return true;
      }
      throw e;
    }
  }

  private static <T> CompletableFuture<T> future(KafkaFuture<T> answer) {
    return answer.toCompletionStage().toCompletableFuture();
  }

  private static <T> T await(String what, TransactionalId id, CompletableFuture<T> result) {
    return KafkaFutures.await(
        result, "Kafka did not " + what + " transactional id \"" + id + "\"", TIMEOUT);
  }
}
