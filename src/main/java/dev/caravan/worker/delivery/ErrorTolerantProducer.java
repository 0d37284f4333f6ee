// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.caravan.component.delivery.RecordRefusedException;
import dev.caravan.connector.TaskConfig;
import dev.caravan.record.DeadLetterQueue;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.RecordBatchTooLargeException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.TransactionAbortedException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task's view of its producer that handles records which Kafka refuses. Depending on {@code
 * errors.tolerance} it fails the task with an error that names the record, sends the record to the
 * dead-letter topic, or drops it.
 *
 * <p>In a transaction a refused record aborts the transaction. The record is remembered. When the
 * task sends it again in the next transaction, it is not sent to Kafka.
 *
 * <p>Thread-safe. The callback of a record is called exactly once, unless {@link #send} throws.
 */
final class ErrorTolerantProducer extends DelegatingProducer<byte[], byte[]> {
  private static final Logger LOG = LoggerFactory.getLogger(ErrorTolerantProducer.class);
  private static final String STAGE = "KAFKA_PRODUCE";

  /** The maximum number of remembered records. A task with more refused records at once fails. */
  private static final int MAX_REMEMBERED = 1000;

  /** Identifies a record that was refused in a transaction. */
  private record Refused(String topic, String documentId, int valueHash) {
    static Refused of(ProducerRecord<byte[], byte[]> record) {
      return new Refused(
          record.topic(),
          ErrorTolerantProducer.documentId(record),
          Arrays.hashCode(record.value()));
    }
  }

  /**
   * The reason of a failed transaction. Kafka's client passes the same exception to all other
   * records of the transaction.
   *
   * @param reported the failure that was reported to the route
   */
  private record FailedTransaction(Exception refusal, Exception reported) {}

  private final Producer<byte[], byte[]> producer;
  private final Optional<DeadLetterQueue> tolerance;
  private final boolean transactional;
  private final Executor senders;
  private final Map<Refused, Exception> remembered =
      Collections.synchronizedMap(new LinkedHashMap<>());
  private volatile @Nullable FailedTransaction failed;

  /**
   * Creates a task's view of a producer.
   *
   * @param senders sends records of the dead letter queue and may wait for their topic. Kafka's own
   *     thread, which reports the refusal, must not wait
   */
  static ErrorTolerantProducer of(
      TaskConfig task, Producer<byte[], byte[]> producer, Executor senders) {
    return new ErrorTolerantProducer(
        producer, task.deadLetterQueue(), task.connector().isExactlyOnce(), senders);
  }

  /**
   * Creates a view.
   *
   * @param tolerance how refused records are handled; empty if they fail the task
   * @param transactional whether the producer sends in transactions
   * @param senders sends records of the dead letter queue and may wait for their topic
   */
  private ErrorTolerantProducer(
      Producer<byte[], byte[]> producer,
      Optional<DeadLetterQueue> tolerance,
      boolean transactional,
      Executor senders) {
    this.producer = producer;
    this.tolerance = tolerance;
    this.transactional = transactional;
    this.senders = senders;
  }

  @Override
  protected Producer<byte[], byte[]> producer() {
    return producer;
  }

  @Override
  public Future<RecordMetadata> send(
      ProducerRecord<byte[], byte[]> record, @Nullable Callback callback) {
    Callback original = callback == null ? (metadata, failure) -> {} : callback;
    if (!remembered.isEmpty()) {
      Exception refusal = remembered.get(Refused.of(record));
      if (refusal != null) {
        return sendToDeadLetterQueue(record, refusal, original);
      }
    }
    return producer.send(
        record,
        (metadata, failure) -> {
          if (failure == null || !isRefusal(failure)) {
            original.onCompletion(metadata, failure);
          } else {
            refused(record, metadata, failure, original);
          }
        });
  }

  private static boolean isRefusal(Exception failure) {
    return failure instanceof RecordTooLargeException
        || failure instanceof RecordBatchTooLargeException
        || failure instanceof InvalidRecordException
        || failure instanceof SerializationException;
  }

  private void refused(
      ProducerRecord<byte[], byte[]> record,
      RecordMetadata metadata,
      Exception failure,
      Callback original) {
    FailedTransaction earlier = failed;
    if (earlier != null && earlier.refusal() == failure) {
      original.onCompletion(metadata, earlier.reported());
    } else if (tolerance.isPresent() && !transactional) {
      sendToDeadLetterQueueLater(record, metadata, failure, original);
    } else {
      Exception reported = reported(record, failure);
      failed = transactional ? new FailedTransaction(failure, reported) : null;
      original.onCompletion(metadata, reported);
    }
  }

  private void sendToDeadLetterQueueLater(
      ProducerRecord<byte[], byte[]> record,
      RecordMetadata metadata,
      Exception failure,
      Callback original) {
    Callback once = once(original);
    try {
      senders.execute(
          () -> {
            try {
              sendToDeadLetterQueue(record, failure, once);
            } catch (RuntimeException | Error e) {
              once.onCompletion(metadata, notSent(record, failure, e));
            }
          });
    } catch (RejectedExecutionException | Error e) {
      // An exception from this callback would end the thread that sends all records.
      LOG.error("No dead letter can be sent", e);
      once.onCompletion(metadata, notSent(record, failure, e));
    }
  }

  /**
   * Returns a callback that runs at most once. The route counts callbacks, so each must run exactly
   * once.
   */
  private static Callback once(Callback original) {
    AtomicBoolean isDone = new AtomicBoolean();
    return (metadata, failure) -> {
      if (isDone.compareAndSet(false, true)) {
        original.onCompletion(metadata, failure);
      }
    };
  }

  /**
   * Returns the error for a dead letter that could not be sent. It names the document and the
   * topic.
   */
  private KafkaException notSent(
      ProducerRecord<byte[], byte[]> record, Exception refusal, Throwable sendFailure) {
    String topic = tolerance.map(DeadLetterQueue::topic).orElse("");
    return new KafkaException(
        "Kafka refused the record of document '"
            + documentId(record)
            + "' ("
            + refusal.getMessage()
            + "), and it could not be sent to the dead-letter topic '"
            + topic
            + "': "
            + sendFailure,
        sendFailure);
  }

  private Exception reported(ProducerRecord<byte[], byte[]> record, Exception failure) {
    if (tolerance.isEmpty() || remembered.size() >= MAX_REMEMBERED) {
      return new RecordRefusedException(documentId(record), record.value(), failure);
    }
    remembered.put(Refused.of(record), failure);
    return new TransactionAbortedException(
        "Kafka refused the record of document '"
            + documentId(record)
            + "', which will be left out of the next transaction: "
            + failure.getMessage());
  }

  /** Sends a record to the dead-letter topic, or drops it if there is none. */
  private Future<RecordMetadata> sendToDeadLetterQueue(
      ProducerRecord<byte[], byte[]> record, Exception failure, Callback original) {
    DeadLetterQueue queue = tolerance.orElseThrow();
    LOG.warn(
        "Kafka refused the record of document '{}' for topic {}, which goes {}: {}",
        documentId(record),
        record.topic(),
        queue.hasTopic() ? "to " + queue.topic() : "nowhere",
        failure.getMessage());
    if (!queue.hasTopic()) {
      original.onCompletion(null, null);
      return CompletableFuture.completedFuture(null);
    }
    return producer.send(
        deadLetterRecord(record, failure, queue),
        (metadata, sendFailure) ->
            original.onCompletion(
                metadata,
                sendFailure == null ? null : deadLetterFailure(record, failure, sendFailure)));
  }

  /** Returns the error to report. In a transaction, the task itself classifies the failure. */
  private Exception deadLetterFailure(
      ProducerRecord<byte[], byte[]> record, Exception refusal, Exception sendFailure) {
    return transactional ? sendFailure : notSent(record, refusal, sendFailure);
  }

  private static ProducerRecord<byte[], byte[]> deadLetterRecord(
      ProducerRecord<byte[], byte[]> record, Exception failure, DeadLetterQueue queue) {
    Headers headers = new RecordHeaders(record.headers().toArray());
    queue
        .errorHeaders(STAGE, failure)
        .forEach((name, value) -> headers.add(name, value.getBytes(UTF_8)));
    byte[] value = record.value();
    if (value != null && isTooLarge(failure)) {
      // The dead-letter topic would refuse a value of this size too.
      headers.add(
          DeadLetterQueue.VALUE_OMITTED_HEADER, Integer.toString(value.length).getBytes(UTF_8));
      value = null;
    }
    return new ProducerRecord<>(queue.topic(), null, record.key(), value, headers);
  }

  private static boolean isTooLarge(Exception failure) {
    return failure instanceof RecordTooLargeException
        || failure instanceof RecordBatchTooLargeException;
  }

  private static String documentId(ProducerRecord<byte[], byte[]> record) {
    byte[] key = record.key();
    return key == null ? "" : new String(key, UTF_8);
  }
}
