// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.Producer;
import org.jspecify.annotations.Nullable;

/**
 * A Kafka producer that several tasks share. After each {@link #abort} a new one replaces it.
 * Thread-safe.
 */
public final class ReplaceableProducer {
  private final Supplier<Producer<byte[], byte[]>> factory;
  private @Nullable AbortableProducer current;
  private CompletableFuture<Void> closed = CompletableFuture.completedFuture(null);

  /**
   * Creates a replaceable producer. The first producer is created by {@link #current}.
   *
   * @param factory creates a producer without waiting for Kafka
   */
  public ReplaceableProducer(Supplier<Producer<byte[], byte[]>> factory) {
    this.factory = factory;
  }

  /** Returns the current producer, and creates it if there is none. */
  public synchronized AbortableProducer current() {
    AbortableProducer producer = current;
    if (producer == null || producer.isAborted()) {
      Producer<byte[], byte[]> made = factory.get();
      producer = new AbortableProducer(made, () -> made.close(Duration.ZERO));
      current = producer;
    }
    return producer;
  }

  /**
   * Aborts the current producer, if there is one. Does not block.
   *
   * @return completes when all aborted producers are closed
   */
  public synchronized CompletableFuture<Void> abort() {
    AbortableProducer aborted = current;
    current = null;
    if (aborted != null) {
      closed = CompletableFuture.allOf(closed, aborted.abort());
    }
    return closed;
  }

  /** Closes the producer. Waits for outstanding records until the timeout. */
  void close(Duration timeout) {
    AbortableProducer closing;
    synchronized (this) {
      closing = current;
      current = null;
    }
    if (closing != null) {
      closing.producer().close(timeout);
    }
  }
}
