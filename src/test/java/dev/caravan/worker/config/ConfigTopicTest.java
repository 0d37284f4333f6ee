// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.awaitility.Awaitility.await;

import dev.caravan.contract.KafkaRequestFault;
import dev.caravan.sandbox.TcpProxy;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.worker.ConnectorExistsException;
import dev.caravan.worker.kafka.KafkaCluster;
import dev.caravan.worker.kafka.WorkerConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ConfigTopicTest {
  private static final Duration SOON = Duration.ofSeconds(20);

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
      opened.write(new ConfigRecord("golden", Map.of("name", "gölden")));
      opened.write(new ConfigRecord("golden", null));
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
      opened.write(new ConfigRecord("a", Map.of("v", "1")));
      opened.write(new ConfigRecord("b", Map.of("v", "1")));
      opened.write(new ConfigRecord("a", Map.of("v", "2")));
      opened.write(new ConfigRecord("b", null));
      opened.write(new ConfigRecord("c", Map.of("v", "1")));
    }
    try (Opened opened = open("last")) {
      assertThat(opened.properties())
          .isEqualTo(Map.of("a", Map.of("v", "2"), "c", Map.of("v", "1")));
    }
  }

  @Test
  void aConnectorHasAGreaterGenerationAfterEachChange() throws Exception {
    try (Opened opened = open("generations")) {
      long first = generation(opened.write(new ConfigRecord("a", Map.of("v", "1"))));
      ConfigSnapshot second = opened.write(new ConfigRecord("a", Map.of("v", "2")));
      assertThat(generation(second)).isGreaterThan(first);
    }
  }

  private static long generation(ConfigSnapshot snapshot) {
    return snapshot.connectors().get("a").generation();
  }

  @Test
  void targetStatesAreThoseOfKafkaConnect() throws Exception {
    try (Opened opened = open("states")) {
      // Compaction may move the state before its connector.
      write("states", "target-state-a", "{\"state\":\"PAUSED\"}");
      write("states", "connector-a", "{\"properties\":{}}");
      await().until(() -> opened.topic.snapshot().targetState("a") == TargetState.PAUSED);

      opened.write(new TargetStateRecord("a", TargetState.STOPPED));
      assertThat(opened.topic.snapshot().targetState("a")).isEqualTo(TargetState.STOPPED);
      opened.write(new TargetStateRecord("a", TargetState.STARTED));
      assertThat(opened.topic.snapshot().targetState("a")).isEqualTo(TargetState.STARTED);
      opened.write(new TargetStateRecord("a", TargetState.PAUSED));
      opened.write(new ConfigRecord("a", null));
      ConfigSnapshot again = opened.write(new ConfigRecord("a", Map.of()));
      assertThat(again.targetState("a")).isEqualTo(TargetState.STARTED);
    }
    assertThat(records("states"))
        .extracting(ConsumerRecord::value)
        .contains(
            "{\"state\":\"PAUSED\",\"state.v2\":\"STOPPED\"}",
            "{\"state\":\"STARTED\",\"state.v2\":\"STARTED\"}");
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
      opened.write(new ConfigRecord("a", Map.of("v", "1")));
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
  void aReplicationFactorBeyondTheBrokersIsAnError() {
    assertThatThrownBy(() -> open(kafka.bootstrapServers(), "replicated", "3"))
        .isInstanceOf(KafkaException.class)
        .hasMessageContaining("\"replicated\"")
        .hasMessageContaining("replication factor");
  }

  @Test
  void aLongTopicIsReadToItsEndAsLongAsThatMakesProgress() throws Exception {
    try (TcpProxy proxy = new TcpProxy();
        KafkaBroker broker =
            KafkaBroker.start(
                "127.0.0.1", 0, Map.of("advertised.listeners", "PLAINTEXT://" + proxy.address()))) {
      proxy.open("127.0.0.1", Integer.parseInt(broker.bootstrapServers().split(":")[1]));
      // No attempt to write lasts longer than a second.
      Map<String, String> settings =
          Map.of(
              "producer.request.timeout.ms", "1000",
              "producer.delivery.timeout.ms", "1000",
              "consumer.max.partition.fetch.bytes", "10000");
      try (Opened opened = open(proxy.address(), "long", "1")) {
        List<ConfigChange> changes = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
          byte[] noise = new byte[7500];
          ThreadLocalRandom.current().nextBytes(noise);
          changes.add(
              new ConfigRecord("c" + i, Map.of("v", Base64.getEncoder().encodeToString(noise))));
        }
        opened.topic.write(snapshot -> changes).get(30, TimeUnit.SECONDS);
      }

      // Reading takes 4 s in total, and 2 s without progress are too long.
      proxy.narrow(100_000);
      try (Opened opened = open(proxy.address(), "long", "1", settings)) {
        assertThat(opened.topic.snapshot().connectors()).hasSize(40);
      }
    }
  }

  /** Records of the old topic must not be taken for records of the new one. */
  @Test
  void aTopicWithAnotherIdIsNotKnownBeforeItIsReadAgain() throws Exception {
    WorkerConfig settings = config(kafka.bootstrapServers(), "later", "1", Map.of());
    Duration soon = Duration.ofMillis(100);
    try (ConfigReader reader =
        new ConfigReader(
            settings.internalConsumerSettings(), new TopicPartition("later", 0), snapshot -> {})) {
      reader.identify(Uuid.randomUuid(), soon);
      Uuid id = Uuid.randomUuid();

      assertThat(reader.identify(id, soon)).isFalse();
      assertThat(reader.identify(id, soon)).isFalse();
    }
  }

  @Test
  void aTopicWithAnotherIdIsReadAgain() throws Exception {
    create(new NewTopic("again", Optional.of(1), Optional.empty()));
    write("again", "connector-a", "{\"properties\":{}}");
    WorkerConfig settings = config(kafka.bootstrapServers(), "again", "1", Map.of());
    List<ConfigSnapshot> snapshots = new CopyOnWriteArrayList<>();
    try (ConfigReader reader =
        new ConfigReader(
            settings.internalConsumerSettings(), new TopicPartition("again", 0), snapshots::add)) {
      Uuid id = Uuid.randomUuid();
      reader.identify(id, SOON);
      reader.start();
      assertThat(reader.await(1, SOON)).isTrue();
      assertThat(reader.identify(id, SOON)).isTrue();
      assertThat(reader.snapshot().recreations()).isZero();

      assertThat(reader.identify(Uuid.randomUuid(), SOON)).isTrue();

      assertThat(reader.snapshot().recreations()).isEqualTo(1);
      assertThat(reader.await(1, SOON)).isTrue();
      assertThat(reader.snapshot().connectors()).containsOnlyKeys("a");
      // The listener is called just after the snapshot can be seen.
      await()
          .untilAsserted(
              () ->
                  assertThat(snapshots)
                      .extracting(snapshot -> snapshot.connectors().size())
                      .containsExactly(1, 0, 1));
      assertThat(reader.await(2, Duration.ofMillis(100))).isFalse();
    }
  }

  @Test
  void ofTwoConcurrentCreationsOneSucceeds() throws Exception {
    try (Opened one = open("race");
        Opened other = open("race")) {
      for (int i = 0; i < 10; i++) {
        String name = "connector-" + i;
        CompletableFuture<ConfigSnapshot> first = one.create(name, Map.of("by", "one"));
        CompletableFuture<ConfigSnapshot> second = other.create(name, Map.of("by", "other"));
        boolean firstWon = isCreated(first);
        assertThat(isCreated(second)).isNotEqualTo(firstWon);
        assertThat((firstWon ? first : second).get().connectors().get(name).properties())
            .isEqualTo(Map.of("by", firstWon ? "one" : "other"));
      }
      assertThat(one.properties()).hasSize(10).isEqualTo(other.properties());
    }
  }

  private static boolean isCreated(CompletableFuture<ConfigSnapshot> creation) throws Exception {
    try {
      creation.get(30, TimeUnit.SECONDS);
      return true;
    } catch (ExecutionException e) {
      assertThat(e).hasCauseInstanceOf(ConnectorExistsException.class);
      return false;
    }
  }

  @Test
  void eightConcurrentWritersAllSucceed() throws Exception {
    List<Opened> writers = new ArrayList<>();
    try {
      for (int i = 0; i < 8; i++) {
        writers.add(open("turns"));
      }
      List<CompletableFuture<ConfigSnapshot>> writes = new ArrayList<>();
      for (Opened writer : writers) {
        for (int i = 0; i < 5; i++) {
          writes.add(writer.topic.write(ConfigTopicTest::increment));
        }
      }
      for (CompletableFuture<ConfigSnapshot> write : writes) {
        write.get(60, TimeUnit.SECONDS);
      }
      for (Opened writer : writers) {
        assertThat(writer.properties()).isEqualTo(Map.of("counter", Map.of("v", "40")));
      }
    } finally {
      writers.forEach(Opened::close);
    }
  }

  private static List<ConfigChange> increment(ConfigSnapshot snapshot) {
    ConfigSnapshot.StoredConnector counter = snapshot.connector("counter");
    int value = counter == null ? 0 : Integer.parseInt(counter.properties().get("v"));
    return List.of(new ConfigRecord("counter", Map.of("v", Integer.toString(value + 1))));
  }

  @Test
  void otherWorkersSeeAWriteSoon() throws Exception {
    try (Opened one = open("news");
        Opened other = open("news")) {
      one.write(new ConfigRecord("a", Map.of()));
      await()
          .atMost(2, TimeUnit.SECONDS)
          .until(() -> other.topic.snapshot().connectors().containsKey("a"));
    }
  }

  @Test
  void changesThatWaitTogetherSeeEachOther() throws Exception {
    try (Opened opened = open("together")) {
      List<CompletableFuture<ConfigSnapshot>> creations = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        creations.add(opened.create("a", Map.of("v", Integer.toString(i))));
      }
      int created = 0;
      for (CompletableFuture<ConfigSnapshot> creation : creations) {
        created += isCreated(creation) ? 1 : 0;
      }
      assertThat(created).isEqualTo(1);
      assertThat(opened.properties()).isEqualTo(Map.of("a", Map.of("v", "0")));
    }
  }

  @Test
  void aTooLargeChangeFailsAlone() throws Exception {
    try (Opened opened = open("large")) {
      opened.write(new ConfigRecord("before", Map.of()));
      CompletableFuture<ConfigSnapshot> large =
          opened.create("large", Map.of("v", "x".repeat(2_000_000)));
      CompletableFuture<ConfigSnapshot> small = opened.create("small", Map.of());

      assertThat(large)
          .failsWithin(30, TimeUnit.SECONDS)
          .withThrowableThat()
          .withMessageContaining("could not be written to the config topic \"large\"");
      small.get(30, TimeUnit.SECONDS);
      assertThat(opened.properties()).containsOnlyKeys("before", "small");
    }
  }

  @Test
  void abortedRecordsHideNothingFromReadersOfUncommittedRecords() throws Exception {
    long generation;
    try (Opened opened = open("hidden")) {
      opened.write(new ConfigRecord("gone", Map.of("v", "1")));
      opened.write(new ConfigRecord("gone", null));
      opened.write(new TargetStateRecord("a", TargetState.PAUSED));
      generation = generation(opened.write(new ConfigRecord("a", Map.of("v", "1"))));
    }
    try (KafkaProducer<String, String> dead =
        producer(Map.of("transactional.id", "hidden:configs"))) {
      dead.initTransactions();
      dead.beginTransaction();
      for (String key : List.of("connector-a", "connector-gone", "connector-new")) {
        dead.send(new ProducerRecord<>("hidden", 0, key, "{\"properties\":{\"v\":\"2\"}}"));
      }
      dead.send(new ProducerRecord<>("hidden", 0, "target-state-a", "{\"state\":\"STARTED\"}"));
      dead.flush();
      try (Opened opened = open("hidden")) {
        ConfigSnapshot snapshot = opened.write(new ConfigRecord("b", Map.of()));

        assertThat(generation(snapshot)).isEqualTo(generation);
        assertThat(snapshot.targetState("a")).isEqualTo(TargetState.PAUSED);
        assertThat(snapshot.connectors()).containsOnlyKeys("a", "b");
      }
    }
    Map<String, String> last = new HashMap<>();
    records("hidden").forEach(record -> last.put(record.key(), record.value()));
    assertThat(last)
        .containsEntry("connector-a", "{\"properties\":{\"v\":\"1\"}}")
        .containsEntry("connector-gone", null)
        .containsEntry("connector-new", null)
        .containsEntry("target-state-a", "{\"state\":\"PAUSED\",\"state.v2\":\"PAUSED\"}");
  }

  @Test
  void anAnswerThatIsLostIsLookedForInTheTopic() throws Exception {
    KafkaRequestFault faults = new KafkaRequestFault();
    try (TcpProxy proxy = new TcpProxy(faults);
        KafkaBroker broker =
            KafkaBroker.start(
                "127.0.0.1", 0, Map.of("advertised.listeners", "PLAINTEXT://" + proxy.address()))) {
      proxy.open("127.0.0.1", Integer.parseInt(broker.bootstrapServers().split(":")[1]));
      try (Opened opened = open(proxy.address(), "lost", "1")) {
        opened.write(new ConfigRecord("a", Map.of("v", "1")));
        for (boolean before : new boolean[] {true, false}) {
          String name = before ? "before" : "after";
          CountDownLatch struck =
              before
                  ? faults.before(ApiKeys.END_TXN, "", () -> {})
                  : faults.after(ApiKeys.END_TXN, "", proxy::cut);
          opened.create(name, Map.of()).get(30, TimeUnit.SECONDS);
          assertThat(struck.getCount()).isZero();
          assertThat(opened.properties()).containsKey(name);
        }
      }
    }
  }

  @Test
  void whatWasAcknowledgedIsThereAfterTheBrokerHasGoneAndCome() throws Exception {
    try (KafkaBroker broker = KafkaBroker.start();
        Opened opened = open(broker.bootstrapServers(), "restarts", "1")) {
      List<CompletableFuture<ConfigSnapshot>> creations = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        creations.add(opened.create("before-" + i, Map.of()));
        broker.stop();
        creations.add(opened.create("during-" + i, Map.of()));
        broker.restart();
        creations.add(opened.create("after-" + i, Map.of()));
      }
      for (CompletableFuture<ConfigSnapshot> creation : creations) {
        creation.get(60, TimeUnit.SECONDS);
      }
      assertThat(opened.properties()).hasSize(9);
    }
  }

  @Test
  void aChangeThatNobodyWaitsForAnyMoreIsNotWritten() throws Exception {
    try (KafkaBroker broker = KafkaBroker.start();
        Opened opened = open(broker.bootstrapServers(), "unwanted", "1")) {
      broker.stop();
      CompletableFuture<ConfigSnapshot> first = opened.create("first", Map.of());
      CompletableFuture<Void> unwanted = new CompletableFuture<>();
      CompletableFuture<ConfigSnapshot> second =
          opened.topic.write(snapshot -> List.of(new ConfigRecord("second", Map.of())), unwanted);
      unwanted.complete(null);
      assertThat(second)
          .failsWithin(Duration.ZERO)
          .withThrowableThat()
          .isInstanceOf(CancellationException.class);
      broker.restart();
      first.get(30, TimeUnit.SECONDS);
      assertThat(opened.properties()).containsOnlyKeys("first");
    }
  }

  private static void create(NewTopic topic) throws Exception {
    admin.createTopics(List.of(topic)).all().get(30, TimeUnit.SECONDS);
  }

  private static Opened open(String topic) {
    return open(kafka.bootstrapServers(), topic, "1");
  }

  private static Opened open(String brokers, String topic, String replication) {
    return open(brokers, topic, replication, Map.of());
  }

  private static WorkerConfig config(
      String brokers, String topic, String replication, Map<String, String> more) {
    Map<String, String> properties = new HashMap<>(more);
    properties.put("bootstrap.servers", brokers);
    properties.put("group.id", topic);
    properties.put("config.storage.topic", topic);
    properties.put("config.storage.replication.factor", replication);
    properties.put("offset.storage.topic", "offsets");
    return WorkerConfig.parse(properties);
  }

  private static Opened open(
      String brokers, String topic, String replication, Map<String, String> more) {
    WorkerConfig config = config(brokers, topic, replication, more);
    KafkaCluster cluster = new KafkaCluster(config);
    try {
      ConfigTopic configs = new ConfigTopic(config, cluster, snapshot -> {}, refusal -> {});
      configs.start();
      return new Opened(cluster, configs);
    } catch (RuntimeException e) {
      cluster.close();
      throw e;
    }
  }

  private record Opened(KafkaCluster cluster, ConfigTopic topic) implements AutoCloseable {
    /** Returns the properties of all connectors when all records written so far are read. */
    Map<String, Map<String, String>> properties() throws Exception {
      Map<String, Map<String, String>> properties = new HashMap<>();
      topic
          .write(snapshot -> List.of())
          .get(30, TimeUnit.SECONDS)
          .connectors()
          .forEach((name, stored) -> properties.put(name, stored.properties()));
      return properties;
    }

    ConfigSnapshot write(ConfigChange change) throws Exception {
      return topic.write(snapshot -> List.of(change)).get(30, TimeUnit.SECONDS);
    }

    /** Creates a connector if it does not exist. */
    CompletableFuture<ConfigSnapshot> create(String name, Map<String, String> properties) {
      return topic.write(
          snapshot -> {
            if (snapshot.connector(name) != null) {
              throw new ConnectorExistsException(name);
            }
            return List.of(new ConfigRecord(name, properties));
          });
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
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", kafka.bootstrapServers());
    settings.putAll(more);
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
