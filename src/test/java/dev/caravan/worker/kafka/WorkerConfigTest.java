// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.config.ConfigException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("unit")
class WorkerConfigTest {
  @Test
  void missingPropertiesHaveDefaults() {
    WorkerConfig config = WorkerConfig.parse(minimal());
    assertThat(config.bootstrapServers()).isEqualTo("a:9092,b:9092");
    assertThat(config.configTopic().name()).isEqualTo("caravan-configs");
    assertThat(config.statusTopic().partitions()).contains(5);
    assertThat(config.configTopic().replication()).contains((short) 3);
    assertThat(config.internalTopics())
        .containsExactlyInAnyOrder("caravan-configs", "caravan-offsets", "caravan-status");
    assertThat(config.groupId()).isEqualTo("caravan");
    assertThat(config.leaseTimeout()).hasSeconds(10);
    assertThat(config.groupSettings())
        .containsEntry("group.id", "caravan")
        .containsEntry("session.timeout.ms", 10_000)
        .containsEntry("heartbeat.interval.ms", 200)
        .containsEntry("max.poll.interval.ms", 30_000);
    assertThat(config.host()).isEqualTo("0.0.0.0");
    assertThat(config.port()).isEqualTo(8083);
    assertThat(config.advertisedHost()).isEmpty();
    assertThat(config.schemaRegistry()).isEmpty();
    assertThat(config.producerSettings()).isEmpty();
  }

  @Test
  void allMissingKeysAreReportedTogether() {
    assertThatThrownBy(() -> WorkerConfig.parse(Map.of("listeners", "nowhere")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("Missing required configuration \"bootstrap.servers\"")
        .hasMessageContaining("Missing required configuration \"group.id\"")
        .hasMessageContaining("Invalid value nowhere for configuration listeners");
  }

  @ParameterizedTest
  @CsvSource({
    "config.storage.replication.factor, -7, at least 1",
    "offset.storage.replication.factor, 0, at least 1",
    "status.storage.replication.factor, 40000, Not a number",
    "offset.storage.partitions, -7, at least 1",
    "status.storage.partitions, many, Not a number",
    "config.storage.topic, with space, letters",
    "offset.storage.topic, __consumer_offsets, Kafka needs that topic for itself",
    "status.storage.topic, caravan-configs, each needs a topic of its own",
    "bootstrap.servers, broker, host:port",
    "bootstrap.servers, 'a:9092,b', host:port",
    "group.id, '', non-empty",
    "session.timeout.ms, 10, at least 1000",
    "heartbeat.interval.ms, 20000, at most half",
    "heartbeat.interval.ms, 0, at least 1",
    "rebalance.timeout.ms, 1 min, Not a number",
    "producer.acks, some, all",
    "producer.batch.size, -5, at least 0",
    "consumer.fetch.min.bytes, -5, at least 0",
    "admin.retries, x, Not a number",
    "retry.backoff.ms, -1, at least 0",
    "security.protocol, none, SSL",
  })
  void anInvalidValueIsRefusedWithKeyValueAndRemedy(String key, String value, String advice) {
    assertThatThrownBy(() -> WorkerConfig.parse(with(key, value)))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("Invalid value " + value + " for configuration " + key + ": ")
        .hasMessageContaining(advice);
  }

  @Test
  void anInvalidRegistryUrlIsRefusedAndNotShown() {
    String key = "schema.registry.url";
    assertThatThrownBy(() -> WorkerConfig.parse(with(key, "user:secret@host")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(key)
        .hasMessageNotContaining("secret");
  }

  @ParameterizedTest
  @CsvSource({
    "http://:8083, 0.0.0.0, 8083, ",
    "http://0.0.0.0:0, 0.0.0.0, 0, ",
    "http://127.0.0.1:1234/, 127.0.0.1, 1234, 127.0.0.1",
    "HTTP://:1234, 0.0.0.0, 1234, ",
    "http://[::1]:1234, ::1, 1234, ::1",
  })
  void theListenerDefinesTheAddress(String listener, String host, int port, String advertised) {
    WorkerConfig config = WorkerConfig.parse(with("listeners", listener));
    assertThat(config.host()).isEqualTo(host);
    assertThat(config.port()).isEqualTo(port);
    assertThat(config.advertisedHost().orElse(null)).isEqualTo(advertised);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"https://:8083", "http://host", "http://a:1,http://b:2", "http://h:70000", "h:1"})
  void anInvalidListenerIsRefused(String listener) {
    assertThatThrownBy(() -> WorkerConfig.parse(with("listeners", listener)))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("Invalid value " + listener + " for configuration listeners");
  }

  @Test
  void theReplicationFactorMayBeTheBrokers() {
    String key = "config.storage.replication.factor";
    assertThat(WorkerConfig.parse(with(key, "-1")).configTopic().replication()).isEmpty();
    assertThat(WorkerConfig.parse(with(key, "1")).configTopic().replication()).contains((short) 1);
    assertThatThrownBy(() -> WorkerConfig.parse(with(key, "0")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(key);
  }

  @Test
  void theClusterGoesBeforeTheNamesThatOthersMustNotShare() {
    Map<String, String> properties = with("cluster", "blue");
    properties.put("config.storage.topic", "mine");
    WorkerConfig config = WorkerConfig.parse(properties);
    assertThat(config.groupId()).isEqualTo("blue-caravan");
    assertThat(config.internalTopics())
        .containsExactlyInAnyOrder("mine", "blue-caravan-offsets", "blue-caravan-status");
    assertThatThrownBy(() -> WorkerConfig.parse(with("cluster", "deep blue")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("Invalid value deep blue for configuration cluster");
  }

  @Test
  void settingsOfClientsArePassedOn() {
    Map<String, String> properties = minimal();
    properties.put("security.protocol", "SASL_SSL");
    properties.put("sasl.jaas.config", "...");
    properties.put("producer.compression.type", "zstd");
    properties.put("consumer.fetch.max.bytes", "1");
    properties.put("admin.retries", "7");
    properties.put("plugin.path", "/plugins");
    WorkerConfig config = WorkerConfig.parse(properties);
    Map<String, Object> common = Map.of("security.protocol", "SASL_SSL", "sasl.jaas.config", "...");
    assertThat(config.producerSettings())
        .containsAllEntriesOf(common)
        .containsEntry("compression.type", "zstd")
        .doesNotContainKeys("plugin.path", "group.id", "fetch.max.bytes");
    assertThat(config.consumerSettings())
        .containsAllEntriesOf(common)
        .containsEntry("fetch.max.bytes", "1")
        .doesNotContainKeys("plugin.path", "group.id");
    assertThat(config.adminSettings()).containsAllEntriesOf(common).containsEntry("retries", "7");
  }

  private static Map<String, String> minimal() {
    Map<String, String> properties = new HashMap<>();
    properties.put("bootstrap.servers", "a:9092,b:9092");
    properties.put("group.id", "caravan");
    return properties;
  }

  private static Map<String, String> with(String key, String value) {
    Map<String, String> properties = minimal();
    properties.put(key, value);
    return properties;
  }
}
