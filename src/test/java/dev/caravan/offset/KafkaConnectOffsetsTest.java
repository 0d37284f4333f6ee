// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.testkit.ConnectStorage;
import dev.caravan.testkit.RecordedTopic;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.connect.storage.KafkaOffsetBackingStore;
import org.apache.kafka.connect.storage.OffsetStorageWriter;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Offsets go over from Kafka Connect, with the official connector, to Caravan and back. */
class KafkaConnectOffsetsTest {
  private static KafkaBroker kafka;
  private static Admin admin;
  private static KafkaProducer<byte[], byte[]> producer;

  @BeforeAll
  static void startKafka() throws Exception {
    kafka = KafkaBroker.start();
    Map<String, Object> settings = Map.of("bootstrap.servers", kafka.bootstrapServers());
    admin = Admin.create(settings);
    producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
  }

  @AfterAll
  static void stopKafka() {
    producer.close();
    admin.close();
    kafka.close();
  }

  private static OffsetStore caravan(String topic, String connector) {
    return new KafkaOffsetStore(
        connector,
        topic,
        producer,
        new TopicScan(
            topic,
            () ->
                new KafkaConsumer<>(
                    Map.of(
                        "bootstrap.servers",
                        kafka.bootstrapServers(),
                        "isolation.level",
                        "read_committed"),
                    new ByteArrayDeserializer(),
                    new ByteArrayDeserializer()),
            admin),
        Runnable::run);
  }

  /** As the official connector writes and reads it. */
  private static Map<String, Object> connectOffset(Offset offset) {
    return Map.of(
        "vbuuid",
        offset.vbuuid(),
        "bySeqno",
        offset.bySeqno(),
        "snapshotStartSeqno",
        offset.snapshotStartSeqno(),
        "snapshotEndSeqno",
        offset.snapshotEndSeqno(),
        "collectionsManifestUid",
        offset.collectionsManifestUid());
  }

  /** In the order of the official connector: keys are compared as bytes. */
  private static Map<String, String> connectPartition(int vbucket) {
    Map<String, String> partition = new LinkedHashMap<>();
    partition.put("bucket", "travel");
    partition.put("partition", Integer.toString(vbucket));
    return partition;
  }

  @Test
  void kafkaConnectReadsOffsetsOfCaravan() throws Exception {
    Offset first = new Offset(Long.MAX_VALUE, 20, 10, 30, 5);
    Offset second = new Offset(-7, 1L << 47, 1L << 47, 1L << 47, 0);
    try (ConnectStorage connect = new ConnectStorage(kafka.bootstrapServers(), "there")) {
      connect.offsets().stop();
      caravan("there-offsets", "copy")
          .save("travel", Map.of(0, first, 1023, second))
          .toCompletableFuture()
          .get(30, TimeUnit.SECONDS);

      KafkaOffsetBackingStore store = connect.offsets();
      try {
        Map<Map<String, String>, Map<String, Object>> read =
            connect
                .reader(store, "copy")
                .offsets(List.of(connectPartition(0), connectPartition(1), connectPartition(1023)));
        assertThat(read.get(connectPartition(0))).isEqualTo(connectOffset(first));
        assertThat(read.get(connectPartition(1))).isNull();
        assertThat(read.get(connectPartition(1023))).isEqualTo(connectOffset(second));
      } finally {
        store.stop();
      }
    }
  }

  @Test
  void caravanLoadsOffsetsOfKafkaConnect() throws Exception {
    Offset offset = new Offset(162621360260821L, 19, 0, 19, 5);
    try (ConnectStorage connect = new ConnectStorage(kafka.bootstrapServers(), "back")) {
      KafkaOffsetBackingStore store = connect.offsets();
      try {
        OffsetStorageWriter writer = connect.writer(store, "copy");
        writer.offset(connectPartition(3), connectOffset(offset));
        assertThat(writer.beginFlush(10, TimeUnit.SECONDS)).isTrue();
        writer.doFlush((failure, nothing) -> {}).get(30, TimeUnit.SECONDS);
      } finally {
        store.stop();
      }
    }
    assertThat(caravan("back-offsets", "copy").load("travel", List.of(2, 3)))
        .isEqualTo(Map.of(3, offset));
    assertThat(caravan("back-offsets", "other").load("travel", List.of(3))).isEmpty();
  }

  @Test
  void theOffsetsOfARealConnectorAreLoaded() throws Exception {
    RecordedTopic recorded = RecordedTopic.read("offsets");
    try (ConnectStorage connect = new ConnectStorage(kafka.bootstrapServers(), "real")) {
      connect.offsets().stop();
    }
    recorded.writeTo(kafka.bootstrapServers(), "real-offsets");
    Map<Integer, Long> expected = new HashMap<>();
    ObjectMapper json = new ObjectMapper();
    for (Map.Entry<String, String> record : recorded.records()) {
      JsonNode key = json.readTree(record.getKey());
      if (key.path(0).textValue().equals("schema")) {
        expected.put(
            key.path(1).path("partition").asInt(),
            json.readTree(record.getValue()).path("bySeqno").longValue());
      }
    }
    assertThat(expected).hasSize(8);

    Map<Integer, Offset> loaded =
        caravan("real-offsets", "schema").load("travel", IntStream.range(0, 1024).boxed().toList());

    assertThat(loaded).hasSameSizeAs(expected);
    loaded.forEach(
        (vbucket, offset) -> {
          assertThat(offset.bySeqno()).isEqualTo(expected.get(vbucket));
          assertThat(offset.vbuuid()).isNotZero();
          assertThat(offset.collectionsManifestUid()).isEqualTo(5);
        });
  }
}
