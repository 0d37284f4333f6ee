// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.worker.group.GroupLease;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/**
 * One task's view of a producer. It sends nothing without the worker's lease, and tracks the task's
 * unacknowledged records.
 *
 * <p>If the producer is aborted while it has records of the task, the view is broken and sends
 * nothing any more, because the task must read these changes again first. A view without
 * outstanding records continues with the next producer.
 *
 * <p>Thread-safe. Each callback is called exactly once, unless {@link #send} throws.
 */
public final class TaskProducer extends DelegatingProducer<byte[], byte[]> {
  private final Supplier<AbortableProducer> source;
  private final boolean isRepeatable;
  private final GroupLease lease;
  private final LongSupplier nanoTime;
  private final Map<String, Pending> pending = new HashMap<>();
  private final CompletableFuture<Void> idle = new CompletableFuture<>();
  private AbortableProducer producer;
  private CompletableFuture<Void> closed = CompletableFuture.completedFuture(null);
  private int records;
  private volatile boolean isBroken;
  private boolean isRetired;

  /** The outstanding records of one topic. Times are values of {@link System#nanoTime}. */
  private static final class Pending {
    /** The number of records for which {@link #send} has not returned. */
    private int blocked;

    private int unacknowledged;
    private long blockedSince;
    private long acknowledgedAt;
  }

  /**
   * How long records for a topic have waited.
   *
   * @param blocked how long the producer has accepted no record, for example because the topic does
   *     not exist
   * @param unacknowledged how long Kafka has acknowledged none of the accepted records; zero if
   *     there are none
   */
  record Wait(String topic, Duration blocked, Duration unacknowledged) {
    Duration longest() {
      return blocked.compareTo(unacknowledged) > 0 ? blocked : unacknowledged;
    }
  }

  /**
   * Creates a view.
   *
   * @param source returns the current producer
   * @param isRepeatable whether the sender repeats records that are lost with a producer, as for
   *     offsets. The view is then never broken
   */
  public TaskProducer(
      Supplier<AbortableProducer> source,
      boolean isRepeatable,
      GroupLease lease,
      LongSupplier nanoTime) {
    this.source = source;
    this.isRepeatable = isRepeatable;
    this.lease = lease;
    this.nanoTime = nanoTime;
    this.producer = source.get();
  }

  @Override
  protected synchronized Producer<byte[], byte[]> producer() {
    return producer.producer();
  }

  @Override
  public Future<RecordMetadata> send(
      ProducerRecord<byte[], byte[]> record, @Nullable Callback callback) {
    Sending sending = begin(record.topic(), callback);
    try {
      Future<RecordMetadata> sent = sending.through.producer().send(record, sending);
      sending.taken();
      return sent;
    } catch (RuntimeException | Error e) {
      sending.refused();
      throw e;
    }
  }

  private synchronized Sending begin(String topic, @Nullable Callback callback) {
    if (isRetired) {
      throw new KafkaException("The task has stopped and can't send any more.");
    }
    if (lease.isOver()) {
      throw new KafkaException(
          "The worker has lost its group, and another worker may have this task.");
    }
    if (producer.isAborted()) {
      if (isBroken || records > 0) {
        throw new KafkaException(
            "Records of the task were discarded with their producer. The task has to send them"
                + " again first.");
      }
      closed = CompletableFuture.allOf(closed, producer.closed());
      producer = source.get();
    }
    long now = nanoTime.getAsLong();
    Pending waiting = pending.computeIfAbsent(topic, key -> new Pending());
    if (waiting.blocked++ == 0) {
      waiting.blockedSince = now;
    }
    records++;
    return new Sending(producer, waiting, callback);
  }

  /**
   * A record that is being sent. Its {@code send} returns and its callback is called, in any order.
   */
  private final class Sending implements Callback {
    private final AbortableProducer through;
    private final Pending waiting;
    private final @Nullable Callback callback;
    private final AtomicBoolean isDone = new AtomicBoolean();
    private boolean isTaken;

    Sending(AbortableProducer through, Pending waiting, @Nullable Callback callback) {
      this.through = through;
      this.waiting = waiting;
      this.callback = callback;
    }

    void taken() {
      synchronized (TaskProducer.this) {
        isTaken = true;
        unblock();
        if (!isDone.get() && waiting.unacknowledged++ == 0) {
          waiting.acknowledgedAt = nanoTime.getAsLong();
        }
      }
    }

    private void unblock() {
      waiting.blocked--;
      waiting.blockedSince = nanoTime.getAsLong();
    }

    void refused() {
      synchronized (TaskProducer.this) {
        unblock();
        if (isDone.compareAndSet(false, true)) {
          end(false);
        }
      }
    }

    @Override
    public void onCompletion(@Nullable RecordMetadata metadata, @Nullable Exception failure) {
      synchronized (TaskProducer.this) {
        if (!isDone.compareAndSet(false, true)) {
          return;
        }
        if (isTaken) {
          waiting.unacknowledged--;
        }
        waiting.acknowledgedAt = nanoTime.getAsLong();
        end(failure == null);
      }
      if (callback != null) {
        callback.onCompletion(metadata, failure);
      }
    }

    private void end(boolean isAcknowledged) {
      if (!isAcknowledged && through.isAborted() && !isRepeatable) {
        isBroken = true;
      }
      records--;
      completeIfIdle();
    }
  }

  private void completeIfIdle() {
    if (isRetired && records == 0) {
      idle.complete(null);
    }
  }

  /**
   * Returns whether changes of the task were lost with a producer, so that the task must read them
   * again.
   */
  boolean isBroken() {
    return isBroken;
  }

  /**
   * Stops sending.
   *
   * @return completes when no record of the task can reach Kafka any more: all are acknowledged, or
   *     their producers are closed
   */
  CompletableFuture<Void> retire() {
    synchronized (this) {
      isRetired = true;
      completeIfIdle();
    }
    return idle.thenCompose(none -> closed());
  }

  private synchronized CompletableFuture<Void> closed() {
    return producer.isAborted() ? CompletableFuture.allOf(closed, producer.closed()) : closed;
  }

  /** Returns the producer that has the unacknowledged records. */
  synchronized AbortableProducer current() {
    return producer;
  }

  /** Returns the topics that have outstanding records. */
  public synchronized List<Wait> waits() {
    long now = nanoTime.getAsLong();
    List<Wait> waits = new ArrayList<>();
    pending.forEach(
        (topic, waiting) -> {
          if (waiting.blocked > 0 || waiting.unacknowledged > 0) {
            waits.add(
                new Wait(
                    topic,
                    waiting.blocked > 0
                        ? Duration.ofNanos(now - waiting.blockedSince)
                        : Duration.ZERO,
                    waiting.unacknowledged > 0
                        ? Duration.ofNanos(now - waiting.acknowledgedAt)
                        : Duration.ZERO));
          }
        });
    return waits;
  }
}
