// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
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
import org.junit.jupiter.params.provider.ValueSource;

/** Topics that are not there, on a Kafka that makes none by itself. */
class MissingTopicTest {
  private static final int MAX_MESSAGE_BYTES = 200_000;
  private static final Duration AT_MOST = Duration.ofSeconds(60);
  private static final ObjectMapper JSON = new ObjectMapper();

  private static KafkaBroker kafka;
  private static CouchbaseNode node;
  private static WorkerApplication worker;
  private static Admin admin;

  @BeforeAll
  static void start() throws Exception {
    kafka = KafkaBroker.start("127.0.0.1", 0, Map.of("auto.create.topics.enable", "false"));
    admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
    node = CouchbaseNode.builder().vbuckets(1).bucket("orders").bucket("letters").start();
    worker =
        WorkerApplication.start(
            Map.of(
                "bootstrap.servers",
                kafka.bootstrapServers(),
                "group.id",
                "missing",
                "listeners",
                "http://127.0.0.1:0"));
  }

  @AfterAll
  static void stop() {
    worker.close();
    node.close();
    admin.close();
    kafka.close();
  }

  private static void create(String name, String bucket, Map<String, String> options)
      throws Exception {
    Map<String, String> config = new HashMap<>(options);
    config.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    config.put("topic", name + "-");
    config.put("couchbase.nodes", node.host() + ":" + node.port());
    config.put("couchbase.bucket", bucket);
    config.put("couchbase.username", CouchbaseNode.ADMINISTRATOR);
    config.put("couchbase.password", CouchbaseNode.ADMINISTRATOR_PASSWORD);
    TestRequests.create(worker.url(), name, config);
  }

  private static void make(String topic) throws Exception {
    admin
        .createTopics(
            List.of(
                new NewTopic(topic, 1, (short) 1)
                    .configs(Map.of("max.message.bytes", Integer.toString(MAX_MESSAGE_BYTES)))))
        .all()
        .get();
  }

  private static JsonNode task(String name) throws Exception {
    return JSON.readTree(TestRequests.get(worker.url() + "/connectors/" + name + "/status"))
        .path("tasks")
        .path(0);
  }

  @ParameterizedTest
  @ValueSource(strings = {"at_least_once", "exactly_once"})
  void theStatusSaysWhichTopicATaskWaitsForUntilItIsThere(String guarantee) throws Exception {
    node.bucket("orders").upsert("one", "1");
    String name = "waits-" + guarantee;
    create(name, "orders", Map.of("delivery.guarantee", guarantee));
    await()
        .atMost(AT_MOST)
        .untilAsserted(() -> assertThat(task(name).path("state").textValue()).isEqualTo("RUNNING"));
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(
            () ->
                assertThat(task(name).path("trace").asText())
                    .contains("topic \"" + name + "-orders\", which does not exist")
                    .contains("auto.create.topics.enable"));
    assertThat(task(name).path("state").textValue()).isEqualTo("RUNNING");

    make(name + "-orders");

    try (Topic topic = Topic.committed(kafka.bootstrapServers(), name + "-orders")) {
      assertThat(topic.awaitRecords(1).get(0).key()).isEqualTo("one");
    }
    await()
        .atMost(AT_MOST)
        .untilAsserted(() -> assertThat(task(name).path("trace").asText()).isEmpty());
    assertThat(task(name).path("state").textValue()).isEqualTo("RUNNING");
  }

  @Test
  void aDeadLetterTopicThatIsDeletedIsMadeAgainAndHoldsUpNobodyElse() throws Exception {
    byte[] random = new byte[2 * MAX_MESSAGE_BYTES];
    new Random(1).nextBytes(random);
    String large = '"' + Base64.getEncoder().encodeToString(random) + '"';
    for (String name : List.of("deleted", "kept")) {
      make(name + "-letters");
      create(
          name,
          "letters",
          Map.of(
              "errors.tolerance",
              "all",
              "errors.deadletterqueue.topic.name",
              name + "-dead",
              "errors.deadletterqueue.topic.replication.factor",
              "1"));
    }
    node.bucket("letters").upsert("first", large);
    awaitLetter("deleted", "first");
    awaitLetter("kept", "first");

    admin.deleteTopics(List.of("deleted-dead")).all().get();
    for (String id : List.of("second", "third", "fourth")) {
      node.bucket("letters").upsert(id, large);
    }
    node.bucket("letters").upsert("small", "1");

    awaitLetter("kept", "fourth");
    awaitLetter("deleted", "fourth");
    for (String name : List.of("deleted", "kept")) {
      try (Topic topic = new Topic(kafka.bootstrapServers(), name + "-letters")) {
        assertThat(topic.awaitRecords(1)).extracting(ConsumerRecord::key).containsExactly("small");
      }
    }
    assertThat(task("deleted").path("state").textValue()).isEqualTo("RUNNING");
  }

  private static void awaitLetter(String name, String id) {
    try (Topic letters = new Topic(kafka.bootstrapServers(), name + "-dead")) {
      letters.awaitUntil(
          "the letter of " + id,
          records -> records.stream().anyMatch(record -> record.key().equals(id)));
    }
  }
}
