// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import dev.caravan.connector.ForwardingProducer;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/** Sends nothing once others may have this worker's tasks. */
final class LeasedProducer extends ForwardingProducer<byte[], byte[]> {
  private final Producer<byte[], byte[]> producer;
  private final GroupLease lease;

  LeasedProducer(Producer<byte[], byte[]> producer, GroupLease lease) {
    this.producer = producer;
    this.lease = lease;
  }

  @Override
  protected Producer<byte[], byte[]> producer() {
    return producer;
  }

  @Override
  public Future<RecordMetadata> send(
      ProducerRecord<byte[], byte[]> record, @Nullable Callback callback) {
    if (lease.isOver()) {
      throw new KafkaException(
          "The worker has not heard of its group for too long: another one may have this task");
    }
    return super.send(record, callback);
  }
}
