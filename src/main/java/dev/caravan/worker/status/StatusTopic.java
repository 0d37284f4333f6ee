// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.status;

import dev.caravan.worker.config.ConfigReader;
import dev.caravan.worker.kafka.KafkaCluster;
import dev.caravan.worker.kafka.TopicLogReader;
import dev.caravan.worker.kafka.WorkerConfig;
import dev.caravan.worker.status.ConnectorStatus.Part;
import java.io.IOException;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The status topic, in which each worker writes the status of its tasks and reads the status of all
 * others. Thread-safe. Only the constructor and {@link #close} block.
 */
public final class StatusTopic implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StatusTopic.class);

  private final String topic;
  private final Map<Key, StatusRecord> statuses = new ConcurrentHashMap<>();

  /** The keys of the records that name a worker, by worker id. */
  private final Map<String, Set<Key>> byWorker = new ConcurrentHashMap<>();

  private final Map<Key, StatusRecord> waiting = new LinkedHashMap<>();
  private final TopicLogReader log;
  private final Producer<byte[], byte[]> producer;
  private final ExecutorService writer =
      Executors.newSingleThreadExecutor(task -> new Thread(task, "status-writer"));

  private record Key(String connector, OptionalInt task) {}

  /**
   * Opens the topic, creates it if it does not exist, and starts to follow it.
   *
   * @throws org.apache.kafka.common.config.ConfigException if the topic exists but does not fit
   * @throws KafkaException if a request to Kafka fails
   */
  public StatusTopic(WorkerConfig config, KafkaCluster cluster) {
    int partitions = cluster.ensureTopic(config.statusTopic());
    this.topic = config.statusTopic().name();
    this.producer =
        new KafkaProducer<>(
            config.internalProducerSettings(),
            new ByteArraySerializer(),
            new ByteArraySerializer());
    this.log =
        new TopicLogReader(
            "status-reader",
            config.internalConsumerSettings(),
            IntStream.range(0, partitions).mapToObj(n -> new TopicPartition(topic, n)).toList(),
            new Handler());
    log.start();
  }

  private void read(ConsumerRecord<byte[], byte[]> record) {
    try {
      StatusRecord.read(record.key(), record.value()).ifPresent(this::remember);
    } catch (IOException e) {
      LOG.error(
          "Ignoring the record at offset {} of partition {} of the status topic \"{}\", which can't"
              + " be read: {}",
          record.offset(),
          record.partition(),
          topic,
          ConfigReader.reason(e));
    }
  }

  private void remember(StatusRecord record) {
    Key key = new Key(record.connector(), record.task());
    Part status = record.status();
    StatusRecord before = status == null ? statuses.remove(key) : statuses.put(key, record);
    Part last = before == null ? null : before.status();
    if (last != null && (status == null || !status.workerId().equals(last.workerId()))) {
      namedBy(last.workerId()).remove(key);
    }
    if (status != null) {
      namedBy(status.workerId()).add(key);
    }
  }

  private Set<Key> namedBy(String workerId) {
    return byWorker.computeIfAbsent(workerId, id -> ConcurrentHashMap.newKeySet());
  }

  /** Returns the latest record of a connector or task; null if there is none. */
  public @Nullable StatusRecord latest(String connector, OptionalInt task) {
    return statuses.get(new Key(connector, task));
  }

  /** Returns the latest records of connectors and tasks that name a worker. */
  public List<StatusRecord> recordsNaming(String workerId) {
    return byWorker.getOrDefault(workerId, Set.of()).stream()
        .map(statuses::get)
        .filter(Objects::nonNull)
        .toList();
  }

  /** Returns the numbers of a connector's tasks that have a record, in ascending order. */
  public List<Integer> tasksOf(String connector) {
    return statuses.keySet().stream()
        .filter(key -> key.connector().equals(connector) && key.task().isPresent())
        .map(key -> key.task().getAsInt())
        .sorted()
        .toList();
  }

  /**
   * Writes a record, later and in order. Of several waiting records of the same connector or task
   * only the last is written. A failed write is logged.
   */
  public void write(StatusRecord record) {
    synchronized (waiting) {
      boolean isIdle = waiting.isEmpty();
      waiting.put(new Key(record.connector(), record.task()), record);
      if (isIdle) {
        writer.execute(this::sendAll);
      }
    }
  }

  private void sendAll() {
    for (StatusRecord next = first(); next != null; next = first()) {
      send(next);
      synchronized (waiting) {
        // Unless a newer record has replaced it.
        waiting.remove(new Key(next.connector(), next.task()), next);
      }
    }
  }

  private @Nullable StatusRecord first() {
    synchronized (waiting) {
      Iterator<StatusRecord> oldest = waiting.values().iterator();
      return oldest.hasNext() ? oldest.next() : null;
    }
  }

  private void send(StatusRecord record) {
    try {
      producer.send(
          new ProducerRecord<>(topic, record.key(), record.value()),
          (metadata, failure) -> {
            if (failure != null) {
              notWritten(record, failure);
            }
          });
    } catch (KafkaException e) {
      notWritten(record, e);
    }
  }

  private void notWritten(StatusRecord record, Exception failure) {
    LOG.warn(
        "Failed to write the status of connector \"{}\" to the status topic \"{}\": {}",
        record.connector(),
        topic,
        failure.toString());
  }

  /** Writes the waiting records and stops. Blocks for 7 s at most. */
  @Override
  public void close() {
    log.close();
    writer.shutdown();
    producer.close(Duration.ofSeconds(2));
  }

  private final class Handler implements TopicLogReader.Handler {
    @Override
    public void onRecords(
        ConsumerRecords<byte[], byte[]> records, Map<TopicPartition, Long> positions) {
      records.forEach(StatusTopic.this::read);
    }

    /** Drops all records. Each worker then writes those of its tasks again. */
    @Override
    public void onRecreated() {
      statuses.clear();
      byWorker.clear();
    }
  }
}
