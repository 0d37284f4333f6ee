// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.caravan.sandbox.KafkaBroker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ConfigTopicTest {
  private static KafkaBroker kafka;
  private static Admin admin;

  @BeforeAll
  static void startKafka() throws Exception {
    kafka = KafkaBroker.start();
    admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
  }

  @AfterAll
  static void stopKafka() {
    admin.close();
    kafka.close();
  }

  @Test
  void aTopicThatIsMissingIsMadeWithOneCompactedPartition() throws Exception {
    try (Opened opened = open("missing")) {
      assertThat(opened.properties()).isEmpty();
    }
    assertThat(
            admin
                .describeTopics(List.of("missing"))
                .topicNameValues()
                .get("missing")
                .get()
                .partitions())
        .hasSize(1);
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, "missing");
    assertThat(
            admin
                .describeConfigs(List.of(resource))
                .values()
                .get(resource)
                .get()
                .get("cleanup.policy")
                .value())
        .isEqualTo("compact");
  }

  @Test
  void recordsAreThoseOfKafkaConnect() throws Exception {
    try (Opened opened = open("format")) {
      opened.topic.write(new ConfigRecord("golden", Map.of("name", "gölden"))).get();
      opened.topic.write(new ConfigRecord("golden", null)).get();
    }
    assertThat(records("format"))
        .extracting(ConsumerRecord::key, ConsumerRecord::value)
        .containsExactly(
            tuple("connector-golden", "{\"properties\":{\"name\":\"gölden\"}}"),
            tuple("connector-golden", null));
  }

  @Test
  void theLastRecordOfAConnectorCounts() throws Exception {
    try (Opened opened = open("last")) {
      opened.topic.write(new ConfigRecord("a", Map.of("v", "1"))).get();
      opened.topic.write(new ConfigRecord("b", Map.of("v", "1"))).get();
      opened.topic.write(new ConfigRecord("a", Map.of("v", "2"))).get();
      opened.topic.write(new ConfigRecord("b", null)).get();
      opened.topic.write(new ConfigRecord("c", Map.of("v", "1"))).get();
    }
    try (Opened opened = open("last")) {
      assertThat(opened.properties())
          .isEqualTo(Map.of("a", Map.of("v", "2"), "c", Map.of("v", "1")));
    }
  }

  @Test
  void aConnectorsRecordHasAGreaterOffsetAfterEachChange() throws Exception {
    try (Opened opened = open("generations")) {
      long first = opened.topic.write(new ConfigRecord("a", Map.of("v", "1"))).get();
      long second = opened.topic.write(new ConfigRecord("a", Map.of("v", "2"))).get();
      assertThat(second).isGreaterThan(first);
      assertThat(opened.topic.read(opened.cluster).get("a").offset()).isEqualTo(second);
    }
  }

  @Test
  void whatCannotBeReadIsLeftOutAndSoAreRecordsOfOtherKinds() throws Exception {
    try (Opened opened = open("odd")) {
      write("odd", "connector-golden", "{\"properties\":{\"v\":\"1\"}}");
      write("odd", "connector-golden", "no JSON");
      write("odd", "connector-golden", "{\"properties\":[]}");
      write("odd", "connector-golden", "{\"properties\":{\"v\":2}}");
      write("odd", "connector-nulls", "{\"properties\":{\"v\":null,\"w\":\"1\"}}");
      write("odd", "task-golden-0", "{\"properties\":{\"v\":\"3\"}}");
      write("odd", "commit-golden", "{\"tasks\":1}");
      write("odd", "target-state-golden", "{\"state\":\"PAUSED\"}");
      write("odd", "", "no kind");
      assertThat(opened.properties())
          .isEqualTo(Map.of("golden", Map.of("v", "1"), "nulls", Map.of("w", "1")));
    }
  }

  @Test
  void anAbortedTransactionDoesNotCount() throws Exception {
    try (Opened opened = open("aborted");
        KafkaProducer<String, String> producer = producer(Map.of("transactional.id", "aborted"))) {
      opened.topic.write(new ConfigRecord("a", Map.of("v", "1"))).get();
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(
          new ProducerRecord<>("aborted", 0, "connector-a", "{\"properties\":{\"v\":\"2\"}}"));
      producer.flush();
      producer.abortTransaction();
      assertThat(opened.properties()).isEqualTo(Map.of("a", Map.of("v", "1")));
    }
  }

  @Test
  void aTopicOfSeveralPartitionsIsRefused() throws Exception {
    create(new NewTopic("wide", Optional.of(3), Optional.empty()));
    assertThatThrownBy(() -> open("wide"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("'wide'")
        .hasMessageContaining("config.storage.topic")
        .hasMessageContaining("3 partitions");
  }

  @Test
  void aTopicThatForgetsIsRefused() throws Exception {
    create(
        new NewTopic("forgetful", Optional.of(1), Optional.empty())
            .configs(Map.of("cleanup.policy", "compact,delete")));
    assertThatThrownBy(() -> open("forgetful"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("'forgetful'")
        .hasMessageContaining("cleanup.policy=compact,delete");
  }

  @Test
  void aReplicationFactorThatKafkaCannotGiveIsTold() {
    assertThatThrownBy(() -> open("replicated", "3"))
        .isInstanceOf(KafkaException.class)
        .hasMessageContaining("'replicated'")
        .hasMessageContaining("replication factor");
  }

  private static void create(NewTopic topic) throws Exception {
    admin.createTopics(List.of(topic)).all().get(30, TimeUnit.SECONDS);
  }

  private static Opened open(String topic) {
    return open(topic, "1");
  }

  private static Opened open(String topic, String replication) {
    WorkerConfig config =
        WorkerConfig.parse(
            Map.of(
                "bootstrap.servers",
                kafka.bootstrapServers(),
                "group.id",
                "tests",
                "config.storage.topic",
                topic,
                "config.storage.replication.factor",
                replication,
                "offset.storage.topic",
                "offsets"));
    KafkaCluster cluster = new KafkaCluster(config);
    try {
      return new Opened(cluster, new ConfigTopic(config, cluster));
    } catch (RuntimeException e) {
      cluster.close();
      throw e;
    }
  }

  private record Opened(KafkaCluster cluster, ConfigTopic topic) implements AutoCloseable {
    Map<String, Map<String, String>> properties() {
      Map<String, Map<String, String>> properties = new HashMap<>();
      topic.read(cluster).forEach((name, stored) -> properties.put(name, stored.properties()));
      return properties;
    }

    @Override
    public void close() {
      topic.close();
      cluster.close();
    }
  }

  private static void write(String topic, String key, String value) throws Exception {
    try (KafkaProducer<String, String> producer = producer(Map.of())) {
      producer.send(new ProducerRecord<>(topic, 0, key, value)).get(30, TimeUnit.SECONDS);
    }
  }

  private static KafkaProducer<String, String> producer(Map<String, Object> more) {
    Map<String, Object> settings = new HashMap<>(more);
    settings.put("bootstrap.servers", kafka.bootstrapServers());
    return new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
  }

  private static List<ConsumerRecord<String, String>> records(String topic) {
    List<ConsumerRecord<String, String>> records = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new StringDeserializer(),
            new StringDeserializer())) {
      TopicPartition partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      while (consumer.position(partition) < end) {
        consumer.poll(Duration.ofSeconds(1)).forEach(records::add);
      }
    }
    return records;
  }
}
