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
 * Fences the owners of transactional ids, and finds out who owns one. One per worker. Thread-safe.
 */
final class TransactionFencer {
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  /**
   * The transaction timeout of ids that are fenced here. It is recognizable because no task has
   * such a short one, see {@link dev.caravan.connector.TaskConfig#transactionTimeout}.
   */
  private static final Duration FENCED = Duration.ofMillis(9_999);

  private final Admin admin;
  private final CoalescedRequest<Set<String>> ids;

  /** The newest config generation whose predecessors are fenced or being fenced, by connector. */
  private final Map<String, Fence> fences = new ConcurrentHashMap<>();

  private record Fence(long generation, CompletableFuture<Void> done) {
    boolean covers(TransactionalId id) {
      return generation >= id.generation() && !done.isCompletedExceptionally();
    }
  }

  /**
   * Creates a fencer.
   *
   * @param admin the admin client; the caller closes it
   */
  TransactionFencer(Admin admin) {
    this.admin = admin;
    this.ids = new CoalescedRequest<>(this::listIds);
  }

  /**
   * Fences the tasks of earlier config generations of a connector and aborts their open
   * transactions. Does not affect tasks of the same generation. Idempotent. Blocks.
   *
   * <p>Kafka finds ids only by listing all ids of the cluster. So tasks that start together share a
   * listing. For a generation of which a task was started before, no listing is needed: no task of
   * an earlier generation starts after one of a later generation.
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
   * Fences ids and aborts their open transactions. A live owner opens its producer again.
   *
   * @return completes when all ids are fenced; fails if this is not certain for one of them
   */
  CompletableFuture<Void> fence(Set<String> transactionalIds) {
    FenceProducersOptions options = new FenceProducersOptions().timeoutMs((int) FENCED.toMillis());
    // One call per id: Kafka's client takes 0.8 s for each further id of a call.
    return CompletableFuture.allOf(
        transactionalIds.stream()
            .map(id -> future(admin.fenceProducers(List.of(id), options).all()))
            .toArray(CompletableFuture[]::new));
  }

  /**
   * Returns the ids whose open transactions have records at or before the given offsets.
   *
   * @param positions the offsets, by partition
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
   * Returns whether the last owner of an id opened its producer with this transaction timeout. The
   * timeout is the only value that an owner chooses and everybody can read. The epoch is not
   * sufficient, because the coordinator also increments it when a transaction times out. Blocks.
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
