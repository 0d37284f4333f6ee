// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.offset.FencedException;
import dev.caravan.offset.Offset;
import dev.caravan.offset.OffsetStore;
import dev.caravan.offset.TransactionalOffsetStore;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
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
 * The transactions of one task: its records go through a {@link TransactionalProducer}, and so do
 * its offsets, into the offsets topic.
 *
 * <p>Of several processes that run the same task, the one that opened last is the owner. Kafka
 * refuses the commits of the others; here, an earlier owner that was refused sees who the owner is
 * before it opens again, so that two don't throw each other out for ever.
 *
 * <p>For one thread at a time, the task's lane.
 */
final class TaskTransactions implements TransactionalOffsetStore {
  /**
   * For so long, readers of the topic may have to wait for a process that died. A random part of it
   * tells the owners of an id apart, see {@link TransactionOwners#isOwnedWith}.
   */
  private static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(15);

  private static final int TIMEOUT_SPREAD_MILLIS = 5000;

  private final TransactionalId id;
  private final TransactionalProducer producer;
  private final OffsetStore offsets;
  private final TransactionOwners owners;
  private final Duration commitInterval;
  private final Duration transactionTimeout =
      TRANSACTION_TIMEOUT.plusMillis(ThreadLocalRandom.current().nextInt(TIMEOUT_SPREAD_MILLIS));
  private boolean opened;
  private CompletableFuture<Void> committed = new CompletableFuture<>();

  /**
   * @param offsets loads committed offsets, and sends those that are saved through the producer
   */
  TaskTransactions(
      TransactionalId id,
      TransactionalProducer producer,
      OffsetStore offsets,
      TransactionOwners owners,
      Duration commitInterval) {
    this.id = id;
    this.producer = producer;
    this.offsets = offsets;
    this.owners = owners;
    this.commitInterval = commitInterval;
  }

  @Override
  public void open() {
    if (opened && !owners.isOwnedWith(transactionTimeout, id)) {
      throw new FencedException(
          "Task "
              + id.task()
              + " of connector "
              + id.connector()
              + " was taken over by another process, which has opened transactional id "
              + id
              + " since; this one has stopped, and nothing that it did not commit is visible. If"
              + " both are meant to run, give the workers different groups.");
    }
    owners.fenceOlderThan(id);
    producer.open(transactionTimeout);
    opened = true;
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
  public boolean mayOpenAgain(Throwable failure) {
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
        // What the client says of a transaction that has failed, or of being closed.
        || failure.getClass() == KafkaException.class;
  }

  @Override
  public void close() {
    producer.discard();
  }
}
