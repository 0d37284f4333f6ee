// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.sandbox.Sandbox;
import dev.caravan.testkit.Topic;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The mission's page, from its first request to its last, with documents. */
class WorkerApplicationTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final String BUCKET = "PMCONCURRENCY";
  private static final String CONNECTOR = "/connectors/couchbase-kafka-connector";

  private static Sandbox sandbox;
  private static WorkerApplication worker;

  @BeforeAll
  static void start() throws Exception {
    sandbox = Sandbox.builder().vbuckets(64).buckets(List.of(BUCKET)).start();
    worker =
        WorkerApplication.start(
            Map.of(
                "bootstrap.servers", sandbox.kafkaAddress(),
                "group.id", "mission",
                "config.storage.topic", "mission-configs",
                "config.storage.replication.factor", "1",
                "offset.storage.topic", "mission-offsets",
                "listeners", "http://127.0.0.1:0"));
  }

  @AfterAll
  static void stop() {
    worker.close();
    sandbox.close();
  }

  @Test
  void createdEditedAndDeletedAsThePagePrintsIt() throws Exception {
    write(0, 100);
    assertThat(send("POST", "/connectors", body("create-request.txt"))).isEqualTo(201);
    awaitRunning();
    try (Topic topic = new Topic(sandbox.kafkaAddress(), "couchbase-kafka-connector" + BUCKET)) {
      assertThat(topic.awaitRecords(100))
          .extracting(ConsumerRecord::key)
          .containsExactlyInAnyOrderElementsOf(ids(0, 100));

      assertThat(send("POST", CONNECTOR + "/config", body("edit-request.txt"))).isEqualTo(200);
      awaitRunning();
      write(100, 150);
      sandbox.couchbase().bucket(BUCKET).delete("doc0");
      List<ConsumerRecord<String, byte[]>> records = topic.awaitRecords(151);
      assertThat(records)
          .filteredOn(record -> record.value() != null)
          .extracting(ConsumerRecord::key)
          .containsExactlyInAnyOrderElementsOf(ids(0, 150));
      assertThat(records)
          .filteredOn(record -> record.value() == null)
          .extracting(ConsumerRecord::key)
          .containsExactly("doc0");

      assertThat(send("DELETE", CONNECTOR, "")).isEqualTo(204);
      assertThat(send("GET", CONNECTOR, "")).isEqualTo(404);

      // A connector of the same name goes on where the deleted one was.
      write(150, 160);
      assertThat(send("PUT", CONNECTOR + "/config", body("edit-request.txt"))).isEqualTo(201);
      topic.awaitRecords(161);
      assertThat(topic.read(Duration.ofMillis(500))).hasSize(161);
    }
  }

  private static void write(int from, int to) {
    ids(from, to).forEach(id -> sandbox.couchbase().bucket(BUCKET).upsert(id, "{}"));
  }

  private static List<String> ids(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> "doc" + i).toList();
  }

  private static void awaitRunning() {
    await()
        .untilAsserted(
            () ->
                assertThat(
                        JSON.readTree(exchange("GET", CONNECTOR + "/status", "").body())
                            .at("/tasks/0/state")
                            .textValue())
                    .isEqualTo("RUNNING"));
  }

  /** The body of a request of the page; only the node's address is changed. */
  private static String body(String request) throws Exception {
    try (InputStream in = WorkerApplicationTest.class.getResourceAsStream("/mission/" + request)) {
      String text = new String(in.readAllBytes(), UTF_8);
      return text.substring(text.indexOf("\n\n")).replace("localhost", sandbox.couchbaseAddress());
    }
  }

  private static int send(String method, String path, String body) throws Exception {
    return exchange(method, path, body).statusCode();
  }

  private static HttpResponse<String> exchange(String method, String path, String body)
      throws Exception {
    return HTTP.send(
        HttpRequest.newBuilder(URI.create(worker.url() + path))
            .header("Content-Type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }
}
