// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.cli.process.RecordedTasks.RecordedTask;
import dev.caravan.cli.process.TestWorker;
import dev.caravan.sandbox.kafka.KafkaBroker;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The config topic is deleted and created again under a running worker. */
class RecreatedConfigTopicTest {
  private static final String CONFIG =
      """
      {"connector.class": "dev.caravan.CouchbaseSourceConnector", "couchbase.nodes": "localhost",
       "couchbase.bucket": "travel", "couchbase.username": "u", "couchbase.password": "secret",
       "tasks.max": "2"}
      """;
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
  void aConnectorInTheNewTopicRunsAndThoseOfTheOldOneStop() throws Exception {
    try (TestWorker one = TestWorker.start(kafka, "again");
        TestWorker other = TestWorker.start(kafka, "again")) {
      one.put("/connectors/old/config", CONFIG);
      one.put("/connectors/both/config", CONFIG);
      await().atMost(SOON).untilAsserted(() -> assertThat(running(one, other)).hasSize(4));
      await().atMost(SOON).until(() -> one.tasks().running().size() == 2);
      List<RecordedTask> before = running(one, other);

      recreate("again");
      HttpResponse<String> put = one.put("/connectors/new/config", CONFIG);
      other.put("/connectors/both/config", CONFIG);

      assertThat(put.statusCode()).as(put.body()).isEqualTo(201);
      assertThat(other.get("/connectors").body()).isEqualTo("[\"both\",\"new\"]");
      // The new configurations have the offsets of the old ones, but other generations.
      await()
          .atMost(SOON)
          .untilAsserted(
              () ->
                  assertThat(running(one, other))
                      .doesNotContainAnyElementsOf(before)
                      .extracting(task -> task.config().id())
                      .containsExactlyInAnyOrder("both-0", "both-1", "new-0", "new-1"));
    }
  }

  private static List<RecordedTask> running(TestWorker one, TestWorker other) {
    List<RecordedTask> running = new ArrayList<>(one.tasks().running());
    running.addAll(other.tasks().running());
    return running;
  }

  @Test
  void aNewTopicWithMoreRecordsThanTheOldOneIsNoticedByItself() throws Exception {
    try (TestWorker worker = TestWorker.start(kafka, "longer")) {
      worker.put("/connectors/old/config", CONFIG);
      await().atMost(SOON).until(() -> worker.tasks().runningOf("old").size() == 2);

      recreate("longer");
      try (KafkaProducer<String, String> restore =
          new KafkaProducer<>(
              Map.of("bootstrap.servers", kafka.bootstrapServers()),
              new StringSerializer(),
              new StringSerializer())) {
        String value = "{\"properties\":" + CONFIG.replace("{", "{\"name\":\"restored\",") + "}";
        for (int i = 0; i < 10; i++) {
          restore.send(new ProducerRecord<>("longer", 0, "connector-restored", value));
        }
      }

      await()
          .atMost(SOON)
          .untilAsserted(
              () -> {
                assertThat(worker.get("/connectors").body()).isEqualTo("[\"restored\"]");
                assertThat(worker.tasks().runningOf("old")).isEmpty();
                assertThat(worker.tasks().runningOf("restored")).hasSize(2);
              });
    }
  }

  private static void recreate(String topic) throws Exception {
    admin.deleteTopics(List.of(topic)).all().get(30, TimeUnit.SECONDS);
    NewTopic again =
        new NewTopic(topic, Optional.of(1), Optional.empty())
            .configs(Map.of("cleanup.policy", "compact"));
    admin.createTopics(List.of(again)).all().get(30, TimeUnit.SECONDS);
  }
}
