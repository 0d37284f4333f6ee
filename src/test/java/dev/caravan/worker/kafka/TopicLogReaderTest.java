// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.sandbox.kafka.KafkaBroker;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

/** Reads a topic on after errors of Kafka's client. */
class TopicLogReaderTest {
  private static final TopicPartition PARTITION = new TopicPartition("read", 0);

  /** How often consumers can't be made. */
  private static final AtomicInteger FAILURES = new AtomicInteger();

  /** Fails as a consumer does when no host name of the brokers can be resolved. */
  public static final class Unresolved implements ConsumerInterceptor<byte[], byte[]> {
    @Override
    public void configure(Map<String, ?> settings) {
      if (FAILURES.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
        throw new ConfigException("No resolvable bootstrap urls given in bootstrap.servers");
      }
    }

    @Override
    public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
      return records;
    }

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

    @Override
    public void close() {}
  }

  @Test
  void readsOnAfterAConsumerThatCouldNotBeMade() throws Exception {
    List<String> read = new CopyOnWriteArrayList<>();
    try (KafkaBroker kafka = KafkaBroker.start();
        KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(
                Map.of("bootstrap.servers", kafka.bootstrapServers()),
                new ByteArraySerializer(),
                new ByteArraySerializer());
        TopicLogReader reader =
            new TopicLogReader(
                "test-reader",
                Map.of(
                    "bootstrap.servers",
                    kafka.bootstrapServers(),
                    "auto.offset.reset",
                    "earliest",
                    "interceptor.classes",
                    Unresolved.class.getName()),
                List.of(PARTITION),
                new TopicLogReader.Handler() {
                  @Override
                  public void onRecords(
                      ConsumerRecords<byte[], byte[]> records,
                      Map<TopicPartition, Long> positions) {
                    for (ConsumerRecord<byte[], byte[]> record : records) {
                      read.add(new String(record.value(), UTF_8));
                    }
                  }

                  @Override
                  public void onRecreated() {}
                })) {
      producer.send(new ProducerRecord<>(PARTITION.topic(), 0, null, "one".getBytes(UTF_8))).get();
      reader.start();
      await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> assertThat(read).hasSize(1));

      FAILURES.set(2);
      reader.restart();

      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(() -> assertThat(read).containsExactly("one", "one"));
    }
  }
}
