// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

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

/**
 * One user's view of a producer that several share: sends through it, can't close it, and can't
 * open a transaction on it, which would take in the records of all the others.
 */
final class SharedProducer<K, V> implements Producer<K, V> {
  private final Producer<K, V> producer;

  SharedProducer(Producer<K, V> producer) {
    this.producer = producer;
  }

  @Override
  public Future<RecordMetadata> send(ProducerRecord<K, V> record) {
    return producer.send(record);
  }

  @Override
  public Future<RecordMetadata> send(ProducerRecord<K, V> record, Callback callback) {
    return producer.send(record, callback);
  }

  @Override
  public void flush() {
    producer.flush();
  }

  @Override
  public List<PartitionInfo> partitionsFor(String topic) {
    return producer.partitionsFor(topic);
  }

  @Override
  public Map<MetricName, ? extends Metric> metrics() {
    return producer.metrics();
  }

  @Override
  public Uuid clientInstanceId(Duration timeout) {
    return producer.clientInstanceId(timeout);
  }

  @Override
  public void close() {
    // The producer belongs to the worker.
  }

  @Override
  public void close(Duration timeout) {
    // The producer belongs to the worker.
  }

  @Override
  public void initTransactions() {
    throw shared();
  }

  @Override
  public void beginTransaction() {
    throw shared();
  }

  @Override
  @Deprecated
  public void sendOffsetsToTransaction(
      Map<TopicPartition, OffsetAndMetadata> offsets, String consumerGroupId) {
    throw shared();
  }

  @Override
  public void sendOffsetsToTransaction(
      Map<TopicPartition, OffsetAndMetadata> offsets, ConsumerGroupMetadata groupMetadata) {
    throw shared();
  }

  @Override
  public void commitTransaction() {
    throw shared();
  }

  @Override
  public void abortTransaction() {
    throw shared();
  }

  private static IllegalStateException shared() {
    return new IllegalStateException(
        "A producer that several tasks share has no transactions: a transaction would take in the"
            + " records of the other tasks");
  }
}
