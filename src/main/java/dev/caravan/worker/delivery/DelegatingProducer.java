// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;

/**
 * A producer that sends through another one, which it does not own. A kafka endpoint can neither
 * close that one nor control its transactions. Thread-safe if the other producer is.
 */
abstract class DelegatingProducer<K, V> implements Producer<K, V> {

  /**
   * Returns the producer to send through.
   *
   * @throws IllegalStateException if there is none at the moment
   */
  protected abstract Producer<K, V> producer();

  @Override
  public final Future<RecordMetadata> send(ProducerRecord<K, V> record) {
    return send(record, null);
  }

  @Override
  public Future<RecordMetadata> send(ProducerRecord<K, V> record, @Nullable Callback callback) {
    return producer().send(record, callback);
  }

  @Override
  public void flush() {
    producer().flush();
  }

  @Override
  public List<PartitionInfo> partitionsFor(String topic) {
    return producer().partitionsFor(topic);
  }

  @Override
  public Map<MetricName, ? extends Metric> metrics() {
    return producer().metrics();
  }

  @Override
  public Uuid clientInstanceId(Duration timeout) {
    return producer().clientInstanceId(timeout);
  }

  @Override
  public final void close() {
    // The owner of the producer closes it.
  }

  @Override
  public final void close(Duration timeout) {
    // The owner of the producer closes it.
  }

  @Override
  public final void initTransactions() {
    throw refused();
  }

  @Override
  public final void beginTransaction() {
    throw refused();
  }

  @Override
  @Deprecated
  public final void sendOffsetsToTransaction(
      Map<TopicPartition, OffsetAndMetadata> offsets, String consumerGroupId) {
    throw refused();
  }

  @Override
  public final void sendOffsetsToTransaction(
      Map<TopicPartition, OffsetAndMetadata> offsets, ConsumerGroupMetadata groupMetadata) {
    throw refused();
  }

  @Override
  public final void commitTransaction() {
    throw refused();
  }

  @Override
  public final void abortTransaction() {
    throw refused();
  }

  private static IllegalStateException refused() {
    return new IllegalStateException(
        "A kafka endpoint can't control the transactions of this producer, which other endpoints"
            + " share. Remove the options transacted and transactionalId.");
  }
}
