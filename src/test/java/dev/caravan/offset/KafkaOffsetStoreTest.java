// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.kafka.KafkaBroker;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class KafkaOffsetStoreTest {
  private static final String TOPIC = "offsets";
  private static final Offset OFFSET = new Offset(162621360260821L, 19, 0, 23, 5);

  private static KafkaBroker broker;
  private static KafkaProducer<byte[], byte[]> producer;
  private static Admin admin;

  @BeforeAll
  static void start() throws Exception {
    broker = KafkaBroker.start();
    Map<String, Object> settings = Map.of("bootstrap.servers", broker.bootstrapServers());
    producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    admin = Admin.create(settings);
    admin
        .createTopics(List.of(new NewTopic(TOPIC, Optional.of(3), Optional.empty())))
        .all()
        .get(30, TimeUnit.SECONDS);
  }

  @AfterAll
  static void stop() {
    producer.close();
    admin.close();
    broker.close();
  }

  private static KafkaOffsetStore store(String connector) {
    return new KafkaOffsetStore(
        connector,
        TOPIC,
        producer,
        new TopicScan(
            TOPIC,
            () ->
                new KafkaConsumer<>(
                    Map.of(
                        "bootstrap.servers", broker.bootstrapServers(),
                        "auto.offset.reset", "earliest",
                        "isolation.level", "read_committed"),
                    new ByteArrayDeserializer(),
                    new ByteArrayDeserializer()),
            admin),
        Runnable::run);
  }

  @Test
  void anotherStoreOfTheConnectorLoadsSavedOffsets() throws Exception {
    save(store("resumed"), "travel", Map.of(0, OFFSET, 1023, new Offset(-1, -2, -3, -4, 0)));
    save(store("resumed"), "travel", Map.of(0, new Offset(1, 20, 20, 20, 5)));

    assertThat(store("resumed").load("travel", List.of(0, 1, 1023)))
        .isEqualTo(Map.of(0, new Offset(1, 20, 20, 20, 5), 1023, new Offset(-1, -2, -3, -4, 0)));
  }

  @Test
  void connectorsBucketsAndVbucketsAreKeptApart() throws Exception {
    save(store("one"), "travel", Map.of(3, OFFSET));

    assertThat(store("two").load("travel", List.of(3))).isEmpty();
    assertThat(store("one").load("orders", List.of(3))).isEmpty();
    assertThat(store("one").load("travel", List.of(4))).isEmpty();
  }

  /** The record is one of official-connector/topic-offsets.txt, as it was recorded. */
  @Test
  void resumesFromOffsetsOfTheOfficialConnector() throws Exception {
    put(
        "[\"raw\",{\"bucket\":\"travel\",\"partition\":\"1\"}]",
        "{\"vbuuid\":162621360260821,\"collectionsManifestUid\":5,\"snapshotEndSeqno\":19,"
            + "\"bySeqno\":19,\"snapshotStartSeqno\":0}");

    assertThat(store("raw").load("travel", List.of(1)))
        .isEqualTo(Map.of(1, new Offset(162621360260821L, 19, 0, 19, 5)));
  }

  @Test
  void writesTheRecordsOfTheOfficialConnector() {
    OffsetRecord record = new OffsetRecord(new OffsetKey("raw", "travel", 1), OFFSET, null);

    assertThat(record.key())
        .asString(UTF_8)
        .isEqualTo("[\"raw\",{\"bucket\":\"travel\",\"partition\":\"1\"}]");
    assertThat(record.value())
        .asString(UTF_8)
        .isEqualTo(
            "{\"vbuuid\":162621360260821,\"collectionsManifestUid\":5,\"snapshotEndSeqno\":23,"
                + "\"bySeqno\":19,\"snapshotStartSeqno\":0}");
  }

  @Test
  void aStoreOfAConfigGenerationLoadsOnlyItsOwnOffsets() throws Exception {
    save(store("views"), "travel", Map.of(1, OFFSET, 2, OFFSET));
    KafkaOffsetStore first = store("views").ofConfigGeneration(7);
    assertThat(first.load("travel", List.of(1, 2))).isEmpty();

    save(first, "travel", Map.of(1, new Offset(1, 20, 20, 20, 5)));

    assertThat(store("views").ofConfigGeneration(7).load("travel", List.of(1, 2)))
        .isEqualTo(Map.of(1, new Offset(1, 20, 20, 20, 5)));
    assertThat(store("views").ofConfigGeneration(8).load("travel", List.of(1, 2))).isEmpty();
    assertThat(store("views").load("travel", List.of(1, 2)))
        .as("a configuration that goes on where the connector was")
        .isEqualTo(Map.of(1, new Offset(1, 20, 20, 20, 5), 2, OFFSET));
  }

  @Test
  void anOffsetThatWasDeletedIsGone() throws Exception {
    save(store("reset"), "travel", Map.of(7, OFFSET));
    put("[\"reset\",{\"bucket\":\"travel\",\"partition\":\"7\"}]", null);

    assertThat(store("reset").load("travel", List.of(7))).isEmpty();
  }

  @Test
  void recordsThatAreNotOffsetsAreSkipped() throws Exception {
    save(store("mixed"), "travel", Map.of(1, OFFSET, 2, OFFSET));
    put("no JSON", "{}");
    put("[\"mixed\",{\"filename\":\"x\"}]", "{\"position\":1}");
    put("[\"mixed\",{\"bucket\":\"travel\",\"partition\":\"one\"}]", "{\"bySeqno\":1}");
    put("[\"mixed\",{\"bucket\":\"travel\",\"partition\":\"2\"}]", "{\"bySeqno\":\"x\"}");

    assertThat(store("mixed").load("travel", List.of(1, 2)))
        .isEqualTo(Map.of(1, OFFSET, 2, OFFSET));
  }

  private static void save(OffsetStore store, String bucket, Map<Integer, Offset> offsets)
      throws Exception {
    store.save(bucket, offsets).toCompletableFuture().get(30, TimeUnit.SECONDS);
  }

  private static void put(String key, String value) throws Exception {
    // By the key as any producer would, so that it meets the records of the store.
    producer
        .send(
            new ProducerRecord<>(
                TOPIC, key.getBytes(UTF_8), value == null ? null : value.getBytes(UTF_8)))
        .get(30, TimeUnit.SECONDS);
  }
}
