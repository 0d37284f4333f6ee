// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/**
 * The producer of one task that is to deliver exactly once: everything that is sent through it,
 * records and offsets, is part of a transaction, which the first of them begins.
 *
 * <p>A route's kafka endpoint holds it from the time when the route is made, under Camel's lock;
 * Kafka is spoken to only from {@link #open} on, on the task's lane. It may be opened again and
 * again, with a new client each time: a client whose transaction has failed is good for nothing.
 *
 * <p>Thread-safe in that a record may be sent from any thread; opening, committing and closing are
 * for one.
 */
final class TransactionalProducer extends DelegatingProducer<byte[], byte[]> {
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(2);

  private final Map<String, Object> settings;
  private final String transactionalId;
  private volatile @Nullable Producer<byte[], byte[]> producer;
  private boolean begun;

  /** The client that may still have a thread or a connection. */
  private @Nullable Producer<byte[], byte[]> unclosed;

  private boolean isAborted;

  /**
   * @param settings of the producer, but for its transactions
   */
  TransactionalProducer(String transactionalId, Map<String, Object> settings) {
    this.transactionalId = transactionalId;
    this.settings = Map.copyOf(settings);
  }

  /**
   * Makes a new client and ends the transaction that an earlier one with the same transactional id
   * has left open. Blocks until Kafka has done so.
   *
   * @param transactionTimeout after which Kafka aborts a transaction that nobody has ended
   */
  void open(Duration transactionTimeout) {
    discard();
    Map<String, Object> all = new HashMap<>(settings);
    all.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, transactionalId);
    all.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    all.put(ProducerConfig.ACKS_CONFIG, "all");
    all.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, (int) transactionTimeout.toMillis());
    Producer<byte[], byte[]> opened =
        new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
    synchronized (this) {
      unclosed = opened;
      if (!isAborted) {
        producer = opened;
      }
    }
    if (producer == null) {
      close(opened, Duration.ZERO);
      throw new KafkaException("The producer of " + transactionalId + " was aborted");
    }
    opened.initTransactions();
  }

  @Override
  protected Producer<byte[], byte[]> producer() {
    Producer<byte[], byte[]> current = producer;
    if (current == null) {
      throw new IllegalStateException("The producer of " + transactionalId + " is not open");
    }
    return current;
  }

  @Override
  public Future<RecordMetadata> send(
      ProducerRecord<byte[], byte[]> record, @Nullable Callback callback) {
    begin();
    return super.send(record, callback);
  }

  private synchronized void begin() {
    if (!begun) {
      producer().beginTransaction();
      begun = true;
    }
  }

  /**
   * Waits for everything that was sent, and commits it. Does nothing if nothing was sent.
   *
   * @throws org.apache.kafka.common.KafkaException if it was not committed, or nobody knows
   */
  void commit() {
    synchronized (this) {
      if (!begun) {
        return;
      }
      begun = false;
    }
    producer().commitTransaction();
  }

  /**
   * Discards the client, and aborts its transaction if Kafka answers within a few seconds; else
   * Kafka does so after the transaction's timeout. What is still on its way fails. Idempotent.
   */
  void discard() {
    Producer<byte[], byte[]> discarded;
    synchronized (this) {
      discarded = producer;
      producer = null;
      begun = false;
    }
    if (discarded != null) {
      close(discarded, CLOSE_TIMEOUT);
    }
  }

  private void close(Producer<byte[], byte[]> closing, Duration timeout) {
    // Kafka's client gives up waiting for its own thread at once in an interrupted one.
    boolean interrupted = Thread.interrupted();
    try {
      closing.close(timeout);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
    synchronized (this) {
      if (unclosed == closing) {
        unclosed = null;
      }
    }
  }

  /**
   * Closes the client without waiting for anything that is on its way, whatever other threads do
   * with it, and lets nobody open another one. Returns when the client has no thread and no
   * connection any more. Idempotent.
   */
  void abort() {
    Producer<byte[], byte[]> closing;
    synchronized (this) {
      isAborted = true;
      closing = unclosed;
      producer = null;
      begun = false;
    }
    if (closing != null) {
      close(closing, Duration.ZERO);
    }
  }
}
