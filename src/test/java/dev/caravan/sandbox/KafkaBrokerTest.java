// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

class KafkaBrokerTest {
  @Test
  void takesAndGivesRecordsOnAFreePort() throws Exception {
    try (KafkaBroker broker = KafkaBroker.start()) {
      try (var producer =
          new KafkaProducer<>(
              Map.<String, Object>of("bootstrap.servers", broker.bootstrapServers()),
              new ByteArraySerializer(),
              new ByteArraySerializer())) {
        producer
            .send(new ProducerRecord<>("t", 0, "k".getBytes(UTF_8), "v".getBytes(UTF_8)))
            .get(30, TimeUnit.SECONDS);
      }
      try (var consumer =
          new KafkaConsumer<>(
              Map.<String, Object>of(
                  "bootstrap.servers",
                  broker.bootstrapServers(),
                  "auto.offset.reset",
                  "earliest",
                  "enable.auto.commit",
                  "false"),
              new ByteArrayDeserializer(),
              new ByteArrayDeserializer())) {
        consumer.assign(List.of(new TopicPartition("t", 0)));
        List<ConsumerRecord<byte[], byte[]>> records =
            consumer.poll(Duration.ofSeconds(30)).records(new TopicPartition("t", 0));
        assertThat(records).hasSize(1);
        assertThat(records.get(0).value()).asString(UTF_8).isEqualTo("v");
      }
    }
  }

  @Test
  void saysThatThePortIsTaken() throws IOException {
    try (KafkaBroker broker = KafkaBroker.start()) {
      int port = Integer.parseInt(broker.bootstrapServers().split(":")[1]);
      assertThatThrownBy(() -> KafkaBroker.start("127.0.0.1", port, Map.of()))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("127.0.0.1:" + port)
          .hasMessageContaining("another program");
    }
  }
}
