// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.offset.FencedException;
import dev.caravan.offset.Offset;
import dev.caravan.offset.OffsetStore;
import dev.caravan.offset.TransactionalOffsetStore;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidPidMappingException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.InvalidTxnStateException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TransactionAbortedException;

/**
 * The transactions of one task. Its records and its offsets go through a {@link
 * TransactionalProducer}.
 *
 * <p>If several processes run the same task, the one that opened it last owns it, and Kafka refuses
 * the commits of the others. A refused process checks who the owner is before it opens again, so
 * that the processes do not fence each other in turn.
 *
 * <p>Not thread-safe: for the thread of the task's lane.
 */
final class TaskTransactions implements TransactionalOffsetStore {
  private static final String MAX_TIMEOUT = "transaction.max.timeout.ms";

  private final TransactionalId id;
  private final TransactionalProducer producer;
  private final OffsetStore offsets;
  private final TransactionFencer fencer;
  private final TransactionClaim claim;
  private final Duration commitInterval;
  private final Duration transactionTimeout;
  private CompletableFuture<Void> committed = new CompletableFuture<>();

  /**
   * Creates the transactions of a task.
   *
   * @param offsets loads committed offsets, and sends saved offsets through the producer
   * @param claim the claim of the assignment that the task runs for
   * @param transactionTimeout the minimum transaction timeout. Readers of the topic may have to
   *     wait that long after a crash
   */
  TaskTransactions(
      TransactionalId id,
      TransactionalProducer producer,
      OffsetStore offsets,
      TransactionFencer fencer,
      TransactionClaim claim,
      Duration commitInterval,
      Duration transactionTimeout) {
    this.id = id;
    this.producer = producer;
    this.offsets = offsets;
    this.fencer = fencer;
    this.claim = claim;
    this.commitInterval = commitInterval;
    this.transactionTimeout = claim.timeout(transactionTimeout);
  }

  @Override
  public void open() {
    if (claim.isUsed() && !fencer.isOwnedWith(transactionTimeout, id)) {
      throw new FencedException(
          "Task "
              + id.task()
              + " of connector "
              + id.connector()
              + " was taken over by another process, which has opened the transactional id \""
              + id
              + "\". The task has stopped here, and its uncommitted records are not visible. If"
              + " both processes are meant to run, give their workers different groups.");
    }
    fencer.fenceOlderThan(id);
    try {
      producer.open(transactionTimeout);
    } catch (KafkaException e) {
      // Kafka's client has no exception type for this error.
      if (String.valueOf(e.getMessage()).contains(MAX_TIMEOUT)) {
        throw new IllegalStateException(
            "Kafka refuses a transaction timeout of "
                + transactionTimeout.toMillis()
                + " ms. Set "
                + MAX_TIMEOUT
                + " of the brokers to at least that, or transaction.boundary.interval.ms of"
                + " connector \""
                + id.connector()
                + "\" to less.");
      }
      throw e;
    }
    claim.use();
    committed = new CompletableFuture<>();
  }

  @Override
  public Map<Integer, Offset> load(String bucket, Collection<Integer> vbuckets) {
    return offsets.load(bucket, vbuckets);
  }

  @Override
  public Duration commitInterval() {
    return commitInterval;
  }

  @Override
  public CompletionStage<Void> save(String bucket, Map<Integer, Offset> saved) {
    CompletableFuture<Void> inTransaction = committed;
    return offsets.save(bucket, saved).thenCompose(sent -> inTransaction);
  }

  @Override
  public void commit() {
    producer.commit();
    committed.complete(null);
    committed = new CompletableFuture<>();
  }

  @Override
  public boolean isRetriable(Throwable failure) {
    KafkaException deepest = null;
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof KafkaException kafka) {
        deepest = kafka;
      }
    }
    return deepest != null && isOfTransaction(deepest);
  }

  private static boolean isOfTransaction(KafkaException failure) {
    return failure instanceof RetriableException
        || failure instanceof ProducerFencedException
        || failure instanceof InvalidProducerEpochException
        || failure instanceof InvalidPidMappingException
        || failure instanceof InvalidTxnStateException
        || failure instanceof OutOfOrderSequenceException
        || failure instanceof TransactionAbortedException
        || failure instanceof InterruptException
        // Kafka's client throws the base class for a failed transaction and for a closed producer.
        || failure.getClass() == KafkaException.class;
  }

  @Override
  public void close() {
    producer.discard();
  }
}
