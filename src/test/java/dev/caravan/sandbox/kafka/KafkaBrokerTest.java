// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.sandbox.TcpProxy;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
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

  /** Through two proxies: a client has all its connections through the one that it came by. */
  @Test
  void clientsStayBehindTheProxyThatTheyComeBy() throws Exception {
    try (TcpProxy first = new TcpProxy();
        TcpProxy second = new TcpProxy();
        KafkaBroker broker = KafkaBroker.startBehind(List.of(first.address(), second.address()))) {
      first.open("127.0.0.1", broker.portBehind(0));
      second.open("127.0.0.1", broker.portBehind(1));
      for (String way : List.of(first.address(), second.address())) {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", way))) {
          Node node = admin.describeCluster().nodes().get(30, TimeUnit.SECONDS).iterator().next();
          assertThat(node.host() + ":" + node.port()).isEqualTo(way);
        }
      }
      int port = broker.portBehind(1);
      broker.restart();
      assertThat(broker.portBehind(1)).isEqualTo(port);
      try (Admin admin = Admin.create(Map.of("bootstrap.servers", second.address()))) {
        assertThat(admin.describeCluster().nodes().get(30, TimeUnit.SECONDS)).hasSize(1);
      }
    }
  }

  @Test
  void itsLimitsAreKafkasDefaults() throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.BROKER, "1");
    try (KafkaBroker broker = KafkaBroker.start();
        Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      Config config =
          admin.describeConfigs(List.of(resource)).all().get(30, TimeUnit.SECONDS).get(resource);
      assertThat(
              List.of(
                  "message.max.bytes",
                  "replica.fetch.max.bytes",
                  "socket.request.max.bytes",
                  "fetch.max.bytes",
                  "group.min.session.timeout.ms",
                  "group.max.session.timeout.ms",
                  "group.max.size",
                  "offset.metadata.max.bytes",
                  "offsets.load.buffer.size",
                  "offsets.topic.segment.bytes",
                  "transaction.max.timeout.ms"))
          .allSatisfy(
              name ->
                  assertThat(config.get(name).source())
                      .as(name)
                      .isEqualTo(ConfigEntry.ConfigSource.DEFAULT_CONFIG));
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
