// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.Mutation;
import dev.caravan.testkit.Topic;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A document in the midst of others that is too large for its topic. */
class RefusedDocumentsTest {
  /** More than a producer's batch, as Kafka's client would split smaller ones for ever. */
  private static final int MAX_MESSAGE_BYTES = 200_000;

  private static final Duration AT_MOST = Duration.ofSeconds(60);

  private static KafkaBroker kafka;
  private static CouchbaseNode node;
  private static WorkerApplication worker;
  private static Mutation large;

  @BeforeAll
  static void start() throws Exception {
    kafka = KafkaBroker.start();
    node = CouchbaseNode.builder().vbuckets(1).bucket("orders").start();
    Bucket bucket = node.bucket("orders");
    bucket.upsert("before", "1");
    byte[] random = new byte[2 * MAX_MESSAGE_BYTES];
    new Random(1).nextBytes(random);
    large =
        bucket
            .defaultCollection()
            .upsert("large", '"' + Base64.getEncoder().encodeToString(random) + '"');
    bucket.upsert("after", "2");
    worker =
        WorkerApplication.start(
            Map.of(
                "bootstrap.servers",
                kafka.bootstrapServers(),
                "group.id",
                "refused",
                "config.storage.topic",
                "configs",
                "offset.storage.topic",
                "offsets",
                "listeners",
                "http://127.0.0.1:0"));
  }

  @AfterAll
  static void stop() {
    worker.close();
    node.close();
    kafka.close();
  }

  private static void create(String name, Map<String, String> options) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
      NewTopic topic =
          new NewTopic(name + "-orders", 1, (short) 1)
              .configs(Map.of("max.message.bytes", Integer.toString(MAX_MESSAGE_BYTES)));
      admin.createTopics(List.of(topic)).all().get();
    }
    Map<String, String> config = new HashMap<>(options);
    config.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    config.put("topic", name + "-");
    config.put("couchbase.nodes", node.host() + ":" + node.port());
    config.put("couchbase.bucket", "orders");
    config.put("couchbase.username", CouchbaseNode.ADMINISTRATOR);
    config.put("couchbase.password", CouchbaseNode.ADMINISTRATOR_PASSWORD);
    TestRequests.create(worker.url(), name, config);
  }

  private static String status(String name) throws Exception {
    return TestRequests.get(worker.url() + "/connectors/" + name + "/status");
  }

  @ParameterizedTest
  @CsvSource({"at_least_once,0", "at_least_once,100", "exactly_once,0"})
  void failsTheTaskWhichNamesIt(String guarantee, String drainRate) throws Exception {
    String name = "strict-" + guarantee + drainRate;
    create(name, Map.of("delivery.guarantee", guarantee, "dcp.maximum.drainrate", drainRate));
    await().atMost(AT_MOST).until(() -> status(name).contains("FAILED"));
    assertThat(status(name))
        .contains("Document 'large' (bucket 'orders', vBucket 0, seqno " + large.seqno() + ")")
        .contains("RecordTooLargeException");
  }

  @ParameterizedTest
  @ValueSource(strings = {"at_least_once", "exactly_once"})
  void becomesADeadLetterThatTellsWhy(String guarantee) throws Exception {
    String name = "letters-" + guarantee;
    create(
        name,
        Map.of(
            "delivery.guarantee",
            guarantee,
            "errors.tolerance",
            "all",
            "errors.deadletterqueue.topic.name",
            name + "-dead",
            "couchbase.headers",
            "seqno"));
    try (Topic letters = Topic.committed(kafka.bootstrapServers(), name + "-dead");
        Topic records = Topic.committed(kafka.bootstrapServers(), name + "-orders")) {
      ConsumerRecord<String, byte[]> letter = letters.awaitRecords(1).get(0);
      assertThat(letter.key()).isEqualTo("large");
      assertThat(letter.value()).as("what is too large there, too").isNull();
      assertThat(header(letter, "caravan.value.omitted")).asInt().isGreaterThan(MAX_MESSAGE_BYTES);
      assertThat(header(letter, "couchbase.seqno")).isEqualTo(Long.toString(large.seqno()));
      assertThat(header(letter, "__connect.errors.connector.name")).isEqualTo(name);
      assertThat(header(letter, "__connect.errors.exception.class.name"))
          .isEqualTo("org.apache.kafka.common.errors.RecordTooLargeException");
      assertThat(records.awaitRecords(2))
          .extracting(ConsumerRecord::key)
          .containsExactly("before", "after");
    }
    await()
        .untilAsserted(() -> assertThat(status(name)).contains("\"id\":0,\"state\":\"RUNNING\""));
  }

  @Test
  void isLeftOutIfThereIsNoTopicForIt() throws Exception {
    create("skip", Map.of("errors.tolerance", "all"));
    try (Topic records = new Topic(kafka.bootstrapServers(), "skip-orders")) {
      assertThat(records.awaitRecords(2))
          .extracting(ConsumerRecord::key)
          .containsExactly("before", "after");
    }
    assertThat(status("skip")).contains("\"id\":0,\"state\":\"RUNNING\"");
  }

  private static String header(ConsumerRecord<String, byte[]> record, String name) {
    return new String(record.headers().lastHeader(name).value(), UTF_8);
  }
}
