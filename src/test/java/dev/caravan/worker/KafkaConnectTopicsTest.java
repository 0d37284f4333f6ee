// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.testkit.ConnectStorage;
import dev.caravan.testkit.RecordedTopic;
import dev.caravan.worker.config.ConfigChange;
import dev.caravan.worker.config.ConfigRecord;
import dev.caravan.worker.config.ConfigSnapshot;
import dev.caravan.worker.config.ConfigTopic;
import dev.caravan.worker.config.TargetStateRecord;
import dev.caravan.worker.kafka.KafkaCluster;
import dev.caravan.worker.kafka.WorkerConfig;
import dev.caravan.worker.status.ConnectorStatus.Part;
import dev.caravan.worker.status.ConnectorStatus.State;
import dev.caravan.worker.status.StatusRecord;
import dev.caravan.worker.status.StatusTopic;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.connect.runtime.TargetState;
import org.apache.kafka.connect.runtime.TaskStatus;
import org.apache.kafka.connect.storage.ClusterConfigState;
import org.apache.kafka.connect.storage.KafkaConfigBackingStore;
import org.apache.kafka.connect.storage.KafkaStatusBackingStore;
import org.apache.kafka.connect.util.ConnectorTaskId;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Kafka Connect and Caravan read each other's configurations and statuses. */
class KafkaConnectTopicsTest {
  private static KafkaBroker kafka;

  @BeforeAll
  static void startKafka() throws Exception {
    kafka = KafkaBroker.start();
  }

  @AfterAll
  static void stopKafka() {
    kafka.close();
  }

  private static WorkerConfig config(String group) {
    return WorkerConfig.parse(
        Map.of(
            "bootstrap.servers",
            kafka.bootstrapServers(),
            "group.id",
            group,
            "config.storage.replication.factor",
            "1",
            "status.storage.replication.factor",
            "1"));
  }

  private interface Use {
    void with(ConfigTopic topic) throws Exception;
  }

  private static void configTopic(String group, Use use) throws Exception {
    try (KafkaCluster cluster = new KafkaCluster(config(group));
        ConfigTopic topic =
            new ConfigTopic(config(group), cluster, snapshot -> {}, refusal -> {})) {
      topic.start();
      use.with(topic);
    }
  }

  private static ConfigSnapshot write(ConfigTopic topic, ConfigChange... changes) throws Exception {
    return topic.write(snapshot -> List.of(changes)).get(30, TimeUnit.SECONDS);
  }

  @Test
  void kafkaConnectReadsTheConfigurationsThatCaravanHasWritten() throws Exception {
    Map<String, String> properties = Map.of("name", "a", "connector.class", "X", "ü", "\"\\");
    configTopic(
        "handed-back",
        topic -> {
          write(topic, new ConfigRecord("a", properties), new ConfigRecord("gone", Map.of()));
          write(topic, new ConfigRecord("stopped", Map.of("name", "stopped")));
          write(
              topic,
              new TargetStateRecord("stopped", dev.caravan.worker.config.TargetState.STOPPED));
          write(topic, new ConfigRecord("gone", null), new TargetStateRecord("gone", null));
        });
    try (ConnectStorage connect = new ConnectStorage(kafka.bootstrapServers(), "handed-back")) {
      KafkaConfigBackingStore store = connect.configs();
      try {
        ClusterConfigState state = store.snapshot();
        assertThat(state.connectors()).containsExactlyInAnyOrder("a", "stopped");
        assertThat(state.connectorConfig("a")).isEqualTo(properties);
        assertThat(state.targetState("a")).isEqualTo(TargetState.STARTED);
        assertThat(state.targetState("stopped")).isEqualTo(TargetState.STOPPED);
        assertThat(state.inconsistentConnectors()).isEmpty();
      } finally {
        store.stop();
      }
    }
  }

  @Test
  void caravanReadsTheConfigurationsThatKafkaConnectHasWritten() throws Exception {
    Map<String, String> properties = Map.of("name", "a", "connector.class", "X", "ü", "\"\\");
    try (ConnectStorage connect = new ConnectStorage(kafka.bootstrapServers(), "taken-over")) {
      KafkaConfigBackingStore store = connect.configs();
      try {
        store.putConnectorConfig("a", properties, null);
        store.putTaskConfigs("a", List.of(Map.of("task", "0"), Map.of("task", "1")));
        store.putConnectorConfig("b", Map.of("name", "b"), null);
        store.putTargetState("b", TargetState.PAUSED);
        store.putConnectorConfig("c", Map.of("name", "c"), null);
        store.putTargetState("c", TargetState.STOPPED);
        store.putConnectorConfig("gone", Map.of("name", "gone"), null);
        store.removeConnectorConfig("gone");
      } finally {
        store.stop();
      }
    }
    configTopic(
        "taken-over",
        topic -> {
          ConfigSnapshot snapshot = topic.snapshot();
          assertThat(snapshot.connectors()).containsOnlyKeys("a", "b", "c");
          assertThat(snapshot.connectors().get("a").properties()).isEqualTo(properties);
          assertThat(snapshot.targetState("a"))
              .isEqualTo(dev.caravan.worker.config.TargetState.STARTED);
          assertThat(snapshot.targetState("b"))
              .isEqualTo(dev.caravan.worker.config.TargetState.PAUSED);
          assertThat(snapshot.targetState("c"))
              .isEqualTo(dev.caravan.worker.config.TargetState.STOPPED);
        });
  }

  @Test
  void theTopicOfARealClusterIsUnderstood() throws Exception {
    RecordedTopic recorded = RecordedTopic.read("configs");
    configTopic(
        "recorded",
        topic -> {
          recorded.writeTo(kafka.bootstrapServers(), "recorded-configs");
          ConfigSnapshot snapshot = write(topic);
          // "no-value" was deleted.
          assertThat(snapshot.connectors())
              .containsOnlyKeys("raw", "raw-headers", "raw-meta", "schema", "blackhole");
          assertThat(snapshot.connectors().get("schema").properties())
              .containsEntry("couchbase.topic", "schema")
              .containsEntry("value.converter.schemas.enable", "true");
          assertThat(snapshot.targetState("raw"))
              .isEqualTo(dev.caravan.worker.config.TargetState.PAUSED);
          assertThat(snapshot.targetState("raw-meta"))
              .isEqualTo(dev.caravan.worker.config.TargetState.STOPPED);
          assertThat(snapshot.targetState("schema"))
              .isEqualTo(dev.caravan.worker.config.TargetState.STARTED);
        });
  }

  @Test
  void kafkaConnectAndCaravanReadEachOthersStatuses() throws Exception {
    WorkerConfig config = config("statuses");
    ConnectorTaskId task = new ConnectorTaskId("a-b", 3);
    try (KafkaCluster cluster = new KafkaCluster(config);
        StatusTopic statusTopic = new StatusTopic(config, cluster);
        ConnectStorage connect = new ConnectStorage(kafka.bootstrapServers(), "statuses")) {
      Part failed = new Part(State.FAILED, "one:1", "because\n\tof \"it\"");
      statusTopic.write(new StatusRecord("a-b", OptionalInt.of(3), failed, 7, 1L << 40));
      statusTopic.write(
          new StatusRecord("a-b", OptionalInt.empty(), new Part(State.RUNNING, "one:1", ""), 7, 5));
      await().until(() -> statusTopic.latest("a-b", OptionalInt.of(3)) != null);
      await().until(() -> statusTopic.latest("a-b", OptionalInt.empty()) != null);
      KafkaStatusBackingStore store = connect.statuses();
      try {
        TaskStatus read = store.get(task);
        assertThat(read.state()).isEqualTo(TaskStatus.State.FAILED);
        assertThat(read.trace()).isEqualTo(failed.trace());
        assertThat(read.workerId()).isEqualTo("one:1");
        assertThat(read.generation()).isEqualTo(7);
        assertThat(store.get("a-b").trace()).isNull();

        store.put(new TaskStatus(task, TaskStatus.State.RUNNING, "other:2", 8));
        store.flush();
        await()
            .until(
                () ->
                    new StatusRecord(
                            "a-b",
                            OptionalInt.of(3),
                            new Part(State.RUNNING, "other:2", ""),
                            8,
                            StatusRecord.NONE)
                        .equals(statusTopic.latest("a-b", OptionalInt.of(3))));
        store.put(new TaskStatus(task, TaskStatus.State.DESTROYED, "other:2", 8));
        store.flush();
        await().until(() -> statusTopic.latest("a-b", OptionalInt.of(3)) == null);
      } finally {
        store.stop();
      }
    }
  }

  @Test
  void aStatusThatCannotBeReadIsIgnored() throws Exception {
    WorkerConfig config = config("garbage");
    try (KafkaCluster cluster = new KafkaCluster(config);
        StatusTopic statusTopic = new StatusTopic(config, cluster);
        KafkaProducer<String, String> producer =
            new KafkaProducer<>(
                Map.of("bootstrap.servers", kafka.bootstrapServers()),
                new StringSerializer(),
                new StringSerializer())) {
      StatusRecord running =
          new StatusRecord("a", OptionalInt.of(0), new Part(State.RUNNING, "one:1", ""), 1, 3);
      statusTopic.write(running);
      await().until(() -> running.equals(statusTopic.latest("a", OptionalInt.of(0))));
      // All values have the same key and so the same partition: when the last one is read, all are.
      for (String value : List.of("no JSON", "{\"state\":\"DANCING\"}", "[]", "{}")) {
        producer.send(new ProducerRecord<>("garbage-status", "status-task-a-0", value)).get();
      }
      producer.send(new ProducerRecord<>("garbage-status", "odd", "1")).get();
      StatusRecord failed =
          new StatusRecord("a", OptionalInt.of(0), new Part(State.FAILED, "one:1", "why"), 1, 3);
      statusTopic.write(failed);

      await().until(() -> failed.equals(statusTopic.latest("a", OptionalInt.of(0))));
      assertThat(statusTopic.tasksOf("a")).containsExactly(0);
    }
  }

  @Test
  void recordsAreTheBytesOfARealCluster() throws Exception {
    int written = 0;
    for (Map.Entry<String, String> record : RecordedTopic.read("status").records()) {
      Optional<StatusRecord> read =
          StatusRecord.read(
              record.getKey().getBytes(UTF_8),
              record.getValue() == null ? null : record.getValue().getBytes(UTF_8));
      if (record.getKey().startsWith("status-topic-")) {
        assertThat(read).isEmpty();
      } else {
        assertThat(read).isPresent();
        assertThat(new String(read.get().key(), UTF_8)).isEqualTo(record.getKey());
        assertThat(read.get().value())
            .isEqualTo(record.getValue() == null ? null : record.getValue().getBytes(UTF_8));
        written++;
      }
    }
    assertThat(written).isGreaterThan(40);
  }
}
