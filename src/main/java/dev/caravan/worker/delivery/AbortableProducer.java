// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.producer.Producer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Kafka producer that can be given up at any time, together with all records that Kafka has not
 * acknowledged: these fail, and none of them is sent any more.
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
   * @param close closes the producer and does not wait for records that are on their way. Returns
   *     when the producer has no thread and no connection any more
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
   * Closes the producer and returns at once.
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
    // Not on the caller's thread: in an interrupted one, close returns before the producer's own
    // thread has ended, and in a callback of the producer it can't wait for that thread.
    Thread thread = new Thread(this::close, "kafka-producer-abort");
    thread.setDaemon(true);
    thread.start();
    return closed;
  }

  private void close() {
    try {
      close.run();
    } catch (RuntimeException | Error e) {
      // Its thread has ended all the same: close throws what it meets after that.
      LOG.warn("A Kafka producer could not be closed in order", e);
    } finally {
      closed.complete(null);
    }
  }

  /** Completes when nothing can reach Kafka any more, which needs an {@link #abort}. */
  CompletableFuture<Void> closed() {
    return closed;
  }
}
