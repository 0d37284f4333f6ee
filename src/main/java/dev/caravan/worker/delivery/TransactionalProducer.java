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
 * The producer of an exactly-once task. All records and offsets that are sent through it are part
 * of a transaction, which the first of them begins.
 *
 * <p>A kafka endpoint gets this producer when the route is created, under Camel's lock. So it
 * connects to Kafka only in {@link #open}, on the task's lane. It may be opened several times and
 * then uses a new client each time, because a client can't continue after a failed transaction.
 *
 * <p>Records may be sent from any thread. Only one thread may open, commit and close it.
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
   * Creates a producer that is not open.
   *
   * @param settings the producer settings without those of transactions
   */
  TransactionalProducer(String transactionalId, Map<String, Object> settings) {
    this.transactionalId = transactionalId;
    this.settings = Map.copyOf(settings);
  }

  /**
   * Creates a new client and ends the transaction that an earlier client with the same id left
   * open. Blocks until Kafka has done so.
   *
   * @param transactionTimeout the time after which Kafka aborts an open transaction
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
      throw new KafkaException(
          "The producer of transactional id \"" + transactionalId + "\" was aborted.");
    }
    opened.initTransactions();
  }

  @Override
  protected Producer<byte[], byte[]> producer() {
    Producer<byte[], byte[]> current = producer;
    if (current == null) {
      throw new IllegalStateException(
          "The producer of transactional id \"" + transactionalId + "\" is not open.");
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
   * Waits for all sent records and commits them. Does nothing if none were sent.
   *
   * @throws org.apache.kafka.common.KafkaException if the commit failed or its result is unknown
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
   * Closes the client. Aborts its transaction if Kafka answers within 2 s; otherwise Kafka aborts
   * it after the transaction timeout. Outstanding records fail. Idempotent.
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
    // In an interrupted thread, close would not wait for the client's thread.
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
   * Closes the client without waiting for outstanding records, and prevents another {@link #open}.
   * May be called while other threads use the client. Returns when the client has no thread and no
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
