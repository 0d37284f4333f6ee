// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.producer.Producer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Kafka producer that can be aborted at any time. All records that Kafka has not acknowledged
 * then fail and are not sent.
 *
 * <p>Thread-safe.
 */
public final class AbortableProducer {
  private static final Logger LOG = LoggerFactory.getLogger(AbortableProducer.class);

  private final Producer<byte[], byte[]> producer;
  private final Runnable close;
  private final CompletableFuture<Void> closed = new CompletableFuture<>();
  private volatile boolean isAborted;

  /**
   * Creates an abortable producer.
   *
   * @param close closes the producer without waiting for outstanding records, and returns when the
   *     producer has no thread and no connection any more
   */
  AbortableProducer(Producer<byte[], byte[]> producer, Runnable close) {
    this.producer = producer;
    this.close = close;
  }

  Producer<byte[], byte[]> producer() {
    return producer;
  }

  boolean isAborted() {
    return isAborted;
  }

  /**
   * Closes the producer on another thread. Does not block.
   *
   * @return completes when nothing that was sent through the producer can reach Kafka any more
   */
  CompletableFuture<Void> abort() {
    synchronized (this) {
      if (isAborted) {
        return closed;
      }
      isAborted = true;
    }
    // Not on the calling thread. If it is interrupted, close would return before the producer's
    // thread has ended. If it is the producer's thread, in a callback, close can't wait for it.
    Thread thread = new Thread(this::close, "kafka-producer-abort");
    thread.setDaemon(true);
    thread.start();
    return closed;
  }

  private void close() {
    try {
      close.run();
    } catch (RuntimeException | Error e) {
      // The producer's thread has ended nevertheless; close rethrows later errors.
      LOG.warn("Failed to close a Kafka producer cleanly", e);
    } finally {
      closed.complete(null);
    }
  }

  /** Completes after an {@link #abort}, when nothing can reach Kafka any more. */
  CompletableFuture<Void> closed() {
    return closed;
  }
}
