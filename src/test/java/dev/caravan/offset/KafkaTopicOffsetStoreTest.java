// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.sandbox.kafka.KafkaBroker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KafkaTopicOffsetStoreTest {
  private static final Offset OFFSET = new Offset(162621360260821L, 19, 0, 23, 5);

  private static KafkaBroker broker;
  private static Admin admin;

  @BeforeAll
  static void start() throws Exception {
    broker = KafkaBroker.start();
    admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()));
  }

  @AfterAll
  static void stop() {
    admin.close();
    broker.close();
  }

  private static KafkaTopicOffsetStore store(String topic) {
    return new KafkaTopicOffsetStore(topic, Map.of("bootstrap.servers", broker.bootstrapServers()));
  }

  private static void join(CompletionStage<Void> save) throws Exception {
    save.toCompletableFuture().get(30, TimeUnit.SECONDS);
  }

  @Test
  void makesACompactedTopicAndKeepsOwnersApartInIt() throws Exception {
    try (KafkaTopicOffsetStore store = store("made")) {
      assertThat(store.of("a").load("travel", List.of(0, 1))).isEmpty();
      join(store.of("a").save("travel", Map.of(0, OFFSET, 1, OFFSET)));
      join(store.of("b").save("travel", Map.of(0, new Offset(1, 1000, 1000, 1000, 0))));
    }

    try (KafkaTopicOffsetStore later = store("made")) {
      assertThat(later.of("a").load("travel", List.of(0, 1, 2)))
          .isEqualTo(Map.of(0, OFFSET, 1, OFFSET));
      assertThat(later.of("b").load("travel", List.of(0, 1)))
          .isEqualTo(Map.of(0, new Offset(1, 1000, 1000, 1000, 0)));
    }
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, "made");
    Config config =
        admin.describeConfigs(List.of(resource)).all().get(30, TimeUnit.SECONDS).get(resource);
    assertThat(config.get("cleanup.policy").value()).isEqualTo("compact");
  }

  @Test
  void aSaveBeforeAnyLoadMakesTheTopicToo() throws Exception {
    try (KafkaTopicOffsetStore store = store("saved-first")) {
      join(store.of("a").save("travel", Map.of(3, OFFSET)));

      assertThat(store.of("a").load("travel", List.of(3))).isEqualTo(Map.of(3, OFFSET));
    }
  }

  @Test
  void aClosedStoreOpensAgainWhenItIsUsed() throws Exception {
    KafkaTopicOffsetStore store = store("reopened");
    join(store.of("a").save("travel", Map.of(3, OFFSET)));
    store.close();

    assertThat(store.of("a").load("travel", List.of(3))).isEqualTo(Map.of(3, OFFSET));
    store.close();
  }

  @Test
  void aTopicThatForgetsIsRefused() throws Exception {
    admin
        .createTopics(List.of(new NewTopic("forgets", Optional.of(1), Optional.empty())))
        .all()
        .get(30, TimeUnit.SECONDS);
    try (KafkaTopicOffsetStore store = store("forgets")) {
      assertThatThrownBy(() -> store.of("a").load("travel", List.of(0)))
          .hasMessageContaining("Topic \"forgets\" has the cleanup.policy \"delete\"")
          .hasMessageContaining("Set it to \"compact\", or set another topic in offsetStore.");
      assertThat(store.of("a").save("travel", Map.of(0, OFFSET)).toCompletableFuture())
          .failsWithin(30, TimeUnit.SECONDS)
          .withThrowableThat()
          .withMessageContaining("cleanup.policy \"delete\"");
    }
  }

  /** A topic that Kafka Connect shares, with transactions of others in it. */
  @Test
  void uncommittedOffsetsAreNotLoaded() throws Exception {
    try (KafkaTopicOffsetStore store = store("shared");
        KafkaProducer<byte[], byte[]> other =
            new KafkaProducer<>(
                Map.of("bootstrap.servers", broker.bootstrapServers(), "transactional.id", "other"),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
      join(store.of("a").save("travel", Map.of(0, OFFSET)));
      other.initTransactions();
      other.beginTransaction();
      OffsetRecord aborted =
          new OffsetRecord(
              new OffsetKey("a", "travel", 0), new Offset(1, 1000, 1000, 1000, 0), null);
      other.send(new ProducerRecord<>("shared", aborted.key(), aborted.value())).get();
      other.abortTransaction();

      assertThat(store.of("a").load("travel", List.of(0))).isEqualTo(Map.of(0, OFFSET));
    }
  }

  @Test
  void kafkasClientResolvesReferencesInTheUri(@TempDir Path directory) throws Exception {
    Path secrets = directory.resolve("secrets.properties");
    Files.writeString(secrets, "where=" + broker.bootstrapServers());
    OffsetStores stores = new OffsetStores();
    SharedOffsetStore store =
        stores.get(
            "kafka:referenced?brokers=${file:"
                + secrets
                + ":where}&config.providers=file&config.providers.file.class="
                + "org.apache.kafka.common.config.provider.FileConfigProvider");

    join(store.of("a").save("travel", Map.of(3, OFFSET)));

    assertThat(store.of("a").load("travel", List.of(3))).isEqualTo(Map.of(3, OFFSET));
    stores.close();
  }

  @Test
  void aBrokerThatIsNotThereIsNamed() {
    try (KafkaTopicOffsetStore store =
        new KafkaTopicOffsetStore(
            "nowhere",
            Map.of(
                "bootstrap.servers",
                "127.0.0.1:1",
                "default.api.timeout.ms",
                "1000",
                "request.timeout.ms",
                "1000"))) {
      assertThatThrownBy(() -> store.of("a").load("travel", List.of(0)))
          .hasMessageContaining(
              "Kafka at 127.0.0.1:1 did not describe the offsets topic \"nowhere\"");
    }
  }
}
