// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.apache.kafka.clients.producer.Producer;
import org.jspecify.annotations.Nullable;

/**
 * A Kafka producer that several tasks use, and after each {@link #abort} another one. Thread-safe.
 */
public final class ReplaceableProducer {
  private final Supplier<Producer<byte[], byte[]>> factory;
  private @Nullable AbortableProducer current;
  private CompletableFuture<Void> closed = CompletableFuture.completedFuture(null);

  /**
   * @param factory makes a producer, without waiting for Kafka
   */
  public ReplaceableProducer(Supplier<Producer<byte[], byte[]>> factory) {
    this.factory = factory;
  }

  /** The producer to use now; made if there is none. */
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
   * Closes the producer, if there is one, without waiting for what is on its way. Returns at once.
   *
   * @return completes when all producers that were aborted are closed
   */
  public synchronized CompletableFuture<Void> abort() {
    AbortableProducer aborted = current;
    current = null;
    if (aborted != null) {
      closed = CompletableFuture.allOf(closed, aborted.abort());
    }
    return closed;
  }

  /** Waits for what is on its way, for so long at most, and closes the producer. */
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
