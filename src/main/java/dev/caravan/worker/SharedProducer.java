// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.ForwardingProducer;
import org.apache.kafka.clients.producer.Producer;

/** One user's view of a producer that several share. */
final class SharedProducer<K, V> extends ForwardingProducer<K, V> {
  private final Producer<K, V> producer;

  SharedProducer(Producer<K, V> producer) {
    this.producer = producer;
  }

  @Override
  protected Producer<K, V> producer() {
    return producer;
  }
}
