// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.cli.process.TestWorker;
import dev.caravan.offset.Offset;
import dev.caravan.sandbox.kafka.KafkaBroker;
import java.net.URI;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The lifecycle of a worker, on a real Kafka. */
class WorkerTest {
  private static final String CONFIG =
      """
      {"connector.class": "dev.caravan.CouchbaseSourceConnector", "couchbase.nodes": "localhost",
       "couchbase.bucket": "travel", "couchbase.username": "u", "couchbase.password": "secret",
       "tasks.max": "2"}
      """;

  private static final ObjectMapper JSON = new ObjectMapper();

  private static KafkaBroker kafka;

  @BeforeAll
  static void startKafka() throws Exception {
    kafka = KafkaBroker.start();
  }

  @AfterAll
  static void stopKafka() {
    kafka.close();
  }

  @Test
  void connectorsComeBackAfterARestart() throws Exception {
    String config;
    try (TestWorker worker = TestWorker.start(kafka, "restart")) {
      worker.put("/connectors/kept/config", CONFIG);
      worker.put("/connectors/deleted/config", CONFIG);
      worker.delete("/connectors/deleted");
      config = worker.get("/connectors/kept/config").body();
    }
    try (TestWorker worker = TestWorker.start(kafka, "restart")) {
      assertThat(worker.get("/connectors").body()).isEqualTo("[\"kept\"]");
      assertThat(worker.get("/connectors/kept/config").body()).isEqualTo(config);
      await().untilAsserted(() -> assertThat(worker.tasks().runningOf("kept")).hasSize(2));
    }
  }

  @Test
  void tasksAreStoppedWithTheWorker() throws Exception {
    TestWorker worker = TestWorker.start(kafka, "stop");
    try (worker) {
      worker.put("/connectors/golden/config", CONFIG);
      await().untilAsserted(() -> assertThat(worker.tasks().runningOf("golden")).hasSize(2));
    }
    assertThat(worker.tasks().runningOf("golden")).isEmpty();
  }

  @Test
  void anEditReplacesTheTasksAndKeepsTheOffsets() throws Exception {
    try (TestWorker worker = TestWorker.start(kafka, "edit")) {
      worker.put("/connectors/golden/config", CONFIG);
      worker.put("/connectors/other/config", CONFIG);
      worker.put("/connectors/golden/config", CONFIG.replace("\"2\"", "\"1\""));
      await().untilAsserted(() -> assertThat(worker.tasks().runningOf("golden")).hasSize(1));
      worker.delete("/connectors/golden");
      worker.put("/connectors/golden/config", CONFIG);
      await().untilAsserted(() -> assertThat(worker.tasks().runningOf("golden")).hasSize(2));

      var started =
          worker.tasks().started().stream()
              .filter(task -> task.config().connector().name().equals("golden"))
              .toList();
      assertThat(started).allMatch(task -> task.runningBefore() == 0);
      Map<Integer, Offset> offsets = Map.of(3, new Offset(7, 5, 5, 5, 0));
      var last = started.get(started.size() - 1);
      last.offsets().save("travel", offsets).toCompletableFuture().get();
      assertThat(started)
          .allSatisfy(
              task -> assertThat(task.offsets().load("travel", List.of(3))).isEqualTo(offsets));
      assertThat(worker.tasks().runningOf("other"))
          .hasSize(2)
          .allSatisfy(task -> assertThat(task.offsets().load("travel", List.of(3))).isEmpty());
    }
  }

  @Test
  void aConnectorWhoseStoredConfigIsNotValidHereIsFailed() throws Exception {
    TestWorker.start(kafka, "invalid").close();
    store("invalid", "{\"connector.class\":\"dev.caravan.CouchbaseSourceConnector\"}");
    try (TestWorker worker = TestWorker.start(kafka, "invalid")) {
      JsonNode status = JSON.readTree(worker.get("/connectors/stored/status").body());
      assertThat(status.at("/connector/state").textValue()).isEqualTo("FAILED");
      assertThat(status.at("/connector/trace").textValue())
          .contains("Missing required configuration \"couchbase.bucket\"");
      assertThat(status.get("tasks")).isEmpty();
      assertThat(worker.put("/connectors/stored/config", CONFIG).statusCode()).isEqualTo(200);
      // The group may wait for the session of the previous worker if that was closed during a join.
      await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(() -> assertThat(worker.tasks().runningOf("stored")).hasSize(2));
    }
  }

  @Test
  void aConnectorOfAnUnsupportedClassIsShownAndLeftAlone() throws Exception {
    TestWorker.start(kafka, "unsupported").close();
    store("unsupported", "{\"connector.class\":\"org.example.Other\",\"name\":\"stored\"}");
    try (TestWorker worker = TestWorker.start(kafka, "unsupported")) {
      JsonNode status = JSON.readTree(worker.get("/connectors/stored/status").body());
      assertThat(status.at("/connector/state").textValue()).isEqualTo("UNASSIGNED");
      assertThat(status.at("/connector/trace").textValue())
          .isEqualTo("Unsupported connector class \"org.example.Other\"");
      assertThat(status.get("tasks")).isEmpty();
      for (HttpResponse<String> refused :
          List.of(
              worker.put("/connectors/stored/config", CONFIG),
              worker.delete("/connectors/stored"))) {
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("Unsupported connector class");
      }
      assertThat(worker.get("/connectors/stored/config").body()).contains("org.example.Other");
    }
  }

  private static void store(String topic, String properties) throws Exception {
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new StringSerializer(),
            new StringSerializer())) {
      producer
          .send(
              new ProducerRecord<>(
                  topic, 0, "connector-stored", "{\"properties\":" + properties + "}"))
          .get(30, TimeUnit.SECONDS);
    }
  }

  @Test
  void aConnectorMayNotWriteToTheWorkersOwnTopics() throws Exception {
    try (TestWorker worker = TestWorker.start(kafka, "own")) {
      for (String topic : List.of("own", "own-offsets", "own-status")) {
        HttpResponse<String> response =
            worker.put(
                "/connectors/golden/config",
                CONFIG
                    .replace("travel", topic)
                    .replace(
                        "{",
                        """
                        {"errors.deadletterqueue.topic.name": "%s",
                         "couchbase.operations.topic": "%s",
                        """
                            .formatted(topic, topic)));
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body())
            .contains(
                "for configuration topic:",
                "for configuration errors.deadletterqueue.topic.name:",
                "for configuration couchbase.operations.topic:",
                "which the worker needs for itself");
      }
      String letters = "{\"errors.deadletterqueue.topic.name\": \"own\", ";
      store("own", CONFIG.replace("{", "{\"name\": \"stored\", ").replace("{", letters));
      await()
          .untilAsserted(
              () ->
                  assertThat(worker.get("/connectors/stored/status").body())
                      .contains("FAILED", "which the worker needs for itself"));
    }
  }

  @Test
  void aWriteThatKafkaDoesNotAcknowledgeIsAnErrorAndQuestionsAreStillAnswered() throws Exception {
    KafkaBroker dying = KafkaBroker.start();
    ExecutorService client = Executors.newSingleThreadExecutor();
    try (TestWorker worker =
        TestWorker.start(
            dying,
            "dying",
            Map.of(
                "producer.request.timeout.ms", "1000",
                "producer.delivery.timeout.ms", "2000",
                "producer.max.block.ms", "2000"))) {
      worker.put("/connectors/golden/config", CONFIG);
      dying.close();
      Future<HttpResponse<String>> write =
          client.submit(() -> worker.put("/connectors/late/config", CONFIG));
      assertThat(worker.get("/connectors/golden").statusCode()).isEqualTo(200);
      HttpResponse<String> response = write.get(80, TimeUnit.SECONDS);
      assertThat(response.statusCode()).isEqualTo(500);
      assertThat(response.body())
          .contains("could not be written to the config topic \\\"dying\\\"");
      assertThat(worker.get("/connectors").body()).isEqualTo("[\"golden\"]");
    } finally {
      client.shutdown();
    }
  }

  @Test
  void aPortInUseIsReported() throws Exception {
    try (TestWorker worker = TestWorker.start(kafka, "first")) {
      String port = Integer.toString(URI.create(worker.url()).getPort());
      assertThatThrownBy(
              () ->
                  TestWorker.start(
                      kafka, "second", Map.of("listeners", "http://127.0.0.1:" + port)))
          .hasMessageContaining("127.0.0.1:" + port)
          .hasMessageContaining("Stop the program that uses the port");
    }
  }
}
