// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.caravan.cli.process.RecordedTasks.RecordedTask;
import dev.caravan.cli.process.TestWorker;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.testkit.RecordedTopic;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.message.JoinGroupRequestData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.requests.RequestUtils;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Several workers of one group, on a real Kafka. */
class WorkerGroupTest {
  private static final String CONFIG =
      """
      {"connector.class": "dev.caravan.CouchbaseSourceConnector", "couchbase.nodes": "localhost",
       "couchbase.bucket": "travel", "couchbase.username": "u", "couchbase.password": "secret",
       "tasks.max": "%d"}
      """;
  private static final Duration SOON = Duration.ofSeconds(20);
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

  private static void awaitShares(List<TestWorker> workers, String connector, Integer... shares) {
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                assertThat(workers)
                    .extracting(worker -> worker.tasks().runningOf(connector).size())
                    .containsExactlyInAnyOrder(shares));
  }

  private static void create(TestWorker worker, String name, int tasks) throws Exception {
    assertThat(worker.put("/connectors/" + name + "/config", CONFIG.formatted(tasks)).statusCode())
        .isEqualTo(201);
  }

  private static String id(TestWorker worker) {
    return URI.create(worker.url()).getAuthority();
  }

  @Test
  void aSecondWorkerTakesHalfAndGivesItBackWhenItStops() throws Exception {
    try (TestWorker one = TestWorker.start(kafka, "halves")) {
      create(one, "golden", 4);
      awaitShares(List.of(one), "golden", 4);
      List<RecordedTask> before = one.tasks().runningOf("golden");
      try (TestWorker other = TestWorker.start(kafka, "halves")) {
        awaitShares(List.of(one, other), "golden", 2, 2);
        assertThat(before).containsAll(one.tasks().runningOf("golden"));
        before = one.tasks().runningOf("golden");
      }
      awaitShares(List.of(one), "golden", 4);
      assertThat(one.tasks().runningOf("golden")).containsAll(before);
    }
  }

  @Test
  void allWorkersReportTheSameStatus() throws Exception {
    try (TestWorker one = TestWorker.start(kafka, "same");
        TestWorker other = TestWorker.start(kafka, "same")) {
      create(one, "golden", 2);
      await()
          .atMost(SOON)
          .untilAsserted(
              () -> {
                JsonNode reported = status(one);
                assertThat(reported.at("/connector/state").textValue()).isEqualTo("RUNNING");
                assertThat(reported.get("tasks"))
                    .extracting(task -> task.get("state").textValue())
                    .containsExactly("RUNNING", "RUNNING");
                assertThat(reported.get("tasks"))
                    .extracting(task -> task.get("worker_id").textValue())
                    .containsExactlyInAnyOrder(id(one), id(other));
                assertThat(status(other)).isEqualTo(reported);
              });
      assertThat(other.get("/connectors/golden").body())
          .isEqualTo(one.get("/connectors/golden").body());
      assertThat(other.delete("/connectors/golden").statusCode()).isEqualTo(204);
      awaitShares(List.of(one, other), "golden", 0, 0);
      await()
          .atMost(SOON)
          .untilAsserted(
              () -> assertThat(one.get("/connectors/golden").statusCode()).isEqualTo(404));
    }
  }

  private static JsonNode status(TestWorker worker) throws Exception {
    return JSON.readTree(worker.get("/connectors/golden/status").body());
  }

  @Test
  void pausedTasksHaveAWorkerThroughARebalanceAndResumeOnIt() throws Exception {
    try (TestWorker one = TestWorker.start(kafka, "pausing")) {
      create(one, "golden", 4);
      awaitShares(List.of(one), "golden", 4);
      assertThat(one.put("/connectors/golden/pause", "").statusCode()).isEqualTo(202);
      awaitShares(List.of(one), "golden", 0);
      awaitPaused(one, id(one), id(one), id(one), id(one));

      try (TestWorker other = TestWorker.start(kafka, "pausing")) {
        awaitPaused(one, id(one), id(one), id(other), id(other));
        awaitPaused(other, id(one), id(one), id(other), id(other));
        JsonNode paused = status(one);

        assertThat(other.put("/connectors/golden/resume", "").statusCode()).isEqualTo(202);

        awaitShares(List.of(one, other), "golden", 2, 2);
        await()
            .atMost(SOON)
            .untilAsserted(
                () ->
                    assertThat(status(one).toString())
                        .isEqualTo(paused.toString().replace("PAUSED", "RUNNING")));
      }
    }
  }

  private static void awaitPaused(TestWorker worker, String... ids) {
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> {
              JsonNode tasks = status(worker).get("tasks");
              assertThat(tasks)
                  .extracting(task -> task.get("state").textValue())
                  .containsOnly("PAUSED");
              assertThat(tasks)
                  .extracting(task -> task.get("worker_id").textValue())
                  .containsExactlyInAnyOrder(ids);
            });
  }

  @Test
  void ofTwoConcurrentCreationsOneIsAConflict() throws Exception {
    try (TestWorker one = TestWorker.start(kafka, "conflict");
        TestWorker other = TestWorker.start(kafka, "conflict")) {
      for (int i = 0; i < 10; i++) {
        String body = "{\"name\":\"c%d\",\"config\":%s}".formatted(i, CONFIG.formatted(1));
        CompletableFuture<Integer> first = post(one, body);
        CompletableFuture<Integer> second = post(other, body);
        assertThat(List.of(first.get(30, TimeUnit.SECONDS), second.get(30, TimeUnit.SECONDS)))
            .containsExactlyInAnyOrder(201, 409);
      }
    }
  }

  private static CompletableFuture<Integer> post(TestWorker worker, String body) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return worker.post("/connectors", body).statusCode();
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
  }

  @Test
  void anEditedConnectorHasNoOldTaskBesideANewOne() throws Exception {
    try (TestWorker one = TestWorker.start(kafka, "edited");
        TestWorker other = TestWorker.start(kafka, "edited");
        TestWorker third = TestWorker.start(kafka, "edited")) {
      List<TestWorker> workers = List.of(one, other, third);
      create(one, "golden", 3);
      awaitShares(workers, "golden", 1, 1, 1);

      other.put("/connectors/golden/config", CONFIG.formatted(6));

      awaitShares(workers, "golden", 2, 2, 2);
      for (TestWorker worker : workers) {
        List<RecordedTask> tasks = worker.tasks().runningOf("golden");
        assertThat(tasks).allMatch(task -> task.config().tasks() == 6);
      }
    }
  }

  @Test
  void aConfigurationThatNobodyCanReadHoldsUpNoOtherConnector() throws Exception {
    try (TestWorker worker = TestWorker.start(kafka, "unreadable");
        KafkaProducer<String, String> producer =
            new KafkaProducer<>(
                Map.of("bootstrap.servers", kafka.bootstrapServers()),
                new StringSerializer(),
                new StringSerializer())) {
      String nodes = "a.".repeat(100_000) + "a";
      ObjectNode record = JSON.createObjectNode();
      record.set("properties", JSON.readTree(CONFIG.formatted(1)));
      record.withObject("/properties").put("name", "bad").put("couchbase.nodes", nodes);
      producer.send(new ProducerRecord<>("unreadable", "connector-bad", record.toString())).get();

      create(worker, "good", 1);

      awaitShares(List.of(worker), "good", 1);
      JsonNode bad = JSON.readTree(worker.get("/connectors/bad/status").body());
      assertThat(bad.at("/connector/state").textValue()).isEqualTo("FAILED");
    }
  }

  @Test
  void topicsOfAnotherGroupAreRefused() throws Exception {
    try (TestWorker one = TestWorker.start(kafka, "taken")) {
      create(one, "golden", 1);
      awaitShares(List.of(one), "golden", 1);
      Map<String, String> thief = Map.of("group.id", "thief");
      assertThatThrownBy(() -> TestWorker.start(kafka, "taken", thief))
          .hasMessageContaining("is in use by the workers of group taken");
      // Only the offsets topic, which has the default name of group "taken".
      Map<String, String> partly = Map.of("group.id", "thief", "config.storage.topic", "own");
      assertThatThrownBy(() -> TestWorker.start(kafka, "taken", partly))
          .hasMessageContaining("Topic 'taken-offsets' is in use by the workers of group taken");
    }
  }

  @Test
  void ofTwoGroupsThatStartWithOneEmptyTopicTheOneThatDoesNotWriteIsRefused() throws Exception {
    Map<String, String> names =
        Map.of(
            "offset.storage.topic", "offsets-of-both",
            "status.storage.topic", "status-of-both");
    Map<String, String> second = new HashMap<>(names);
    second.put("group.id", "second");
    try (TestWorker one = TestWorker.start(kafka, "both", names);
        TestWorker other = TestWorker.start(kafka, "both", second)) {
      create(one, "golden", 1);
      awaitShares(List.of(one), "golden", 1);

      assertThat(other.refusal())
          .failsWithin(SOON)
          .withThrowableThat()
          .withMessageContaining("is in use by the workers of group both");
    }
  }

  @Test
  void aTaskThatFailsIsStartedAgainAndItsStatusSaysWhen() throws Exception {
    try (TestWorker worker = TestWorker.start(kafka, "healing")) {
      worker.tasks().setStartFailure(new IllegalStateException("no such bucket"));
      worker.put(
          "/connectors/golden/config",
          CONFIG
              .formatted(1)
              .replace(
                  "}",
                  ", \"errors.max.retries\": \"3\", \"errors.retry.delay.initial.ms\": \"500\"}"));
      await()
          .atMost(SOON)
          .untilAsserted(
              () ->
                  assertThat(status(worker).at("/tasks/0/trace").asText())
                      .matches(
                          "(?s)Failed at \\S+, try 2 of 3 follows at \\S+\\.\n.*no such bucket.*"));
      assertThat(status(worker).at("/tasks/0/state").textValue()).isEqualTo("FAILED");

      worker.tasks().setStartFailure(null);

      await()
          .atMost(SOON)
          .untilAsserted(
              () ->
                  assertThat(status(worker).at("/tasks/0/state").textValue()).isEqualTo("RUNNING"));
    }
  }

  @Test
  void aTaskThatFailsAgainAndAgainStaysFailed() throws Exception {
    try (TestWorker worker = TestWorker.start(kafka, "hopeless")) {
      worker.tasks().setStartFailure(new IllegalStateException("no such bucket"));
      String config =
          CONFIG
              .formatted(1)
              .replace(
                  "}",
                  ", \"errors.max.retries\": \"2\", \"errors.retry.delay.initial.ms\": \"10\"}");
      worker.put("/connectors/golden/config", config);
      await()
          .atMost(SOON)
          .untilAsserted(
              () ->
                  assertThat(status(worker).at("/tasks/0/trace").asText())
                      .contains("Not restarted after 2 retries."));

      worker.tasks().setStartFailure(null);
      HttpResponse<String> again = worker.put("/connectors/golden/config", config);

      assertThat(again.statusCode()).isEqualTo(200);
      awaitShares(List.of(worker), "golden", 1);
    }
  }

  @Test
  void aWorkerThatIsCutOffFromKafkaStopsItsTasksBeforeItsSessionIsOver() throws Exception {
    Map<String, String> settings =
        Map.of("session.timeout.ms", "6000", "heartbeat.interval.ms", "200");
    try (KafkaBroker lonely = KafkaBroker.start();
        TestWorker worker = TestWorker.start(lonely, "cut-off", settings)) {
      create(worker, "golden", 2);
      awaitShares(List.of(worker), "golden", 2);

      lonely.stop();
      await().atMost(6, TimeUnit.SECONDS).until(() -> worker.tasks().runningOf("golden").isEmpty());
      assertThat(status(worker).at("/tasks/0/state").textValue()).isEqualTo("UNASSIGNED");

      lonely.restart();
      awaitShares(List.of(worker), "golden", 2);
    }
  }

  @Test
  void aSessionTimeoutThatTheBrokersRefuseIsAnErrorThatNamesIt() throws Exception {
    // Brokers accept 6 s or more by default.
    try (TestWorker worker =
        TestWorker.start(kafka, "hasty", Map.of("session.timeout.ms", "5000"))) {
      assertThat(worker.refusal())
          .failsWithin(SOON)
          .withThrowableThat()
          .withMessageContaining("session.timeout.ms of \"5000\"")
          .withMessageContaining("group.min.session.timeout.ms");
    }
  }

  @Test
  void aKafkaConnectWorkerInTheGroupIsAnErrorThatNamesIt() throws Exception {
    try (Socket connect = joinAsKafkaConnect("mixed");
        TestWorker worker = TestWorker.start(kafka, "mixed")) {
      assertThat(connect.isConnected()).isTrue();
      assertThat(worker.refusal())
          .failsWithin(SOON)
          .withThrowableThat()
          .withMessageContaining("Group \"mixed\" has members of another kind");
    }
  }

  /** Joins a group with Kafka Connect's protocol, and stays in it for a session. */
  private static Socket joinAsKafkaConnect(String group) throws Exception {
    JoinGroupRequestData join =
        new JoinGroupRequestData()
            .setGroupId(group)
            .setProtocolType("connect")
            .setSessionTimeoutMs(60_000)
            .setRebalanceTimeoutMs(60_000);
    join.protocols()
        .add(
            new JoinGroupRequestData.JoinGroupRequestProtocol()
                .setName("sessioned")
                .setMetadata(new byte[0]));
    // The last version that lets a member join without a second request.
    short version = 3;
    RequestHeader header = new RequestHeader(ApiKeys.JOIN_GROUP, version, "connect-1", 1);
    ByteBuffer request =
        RequestUtils.serialize(header.data(), header.headerVersion(), join, version);
    String[] broker = kafka.bootstrapServers().split(":");
    Socket socket = new Socket(broker[0], Integer.parseInt(broker[1]));
    DataOutputStream out = new DataOutputStream(socket.getOutputStream());
    out.writeInt(request.remaining());
    out.write(request.array(), request.arrayOffset(), request.remaining());
    out.flush();
    DataInputStream in = new DataInputStream(socket.getInputStream());
    byte[] answer = in.readNBytes(in.readInt());
    assertThat(answer.length).isPositive();
    return socket;
  }

  @Test
  void theTopicsOfAKafkaConnectClusterAreTakenOverAndLeftAsTheyAre() throws Exception {
    TestWorker.start(kafka, "legacy").close();
    RecordedTopic.read("configs").writeTo(kafka.bootstrapServers(), "legacy");
    RecordedTopic.read("status").writeTo(kafka.bootstrapServers(), "legacy-status");
    long end = end("legacy") + end("legacy-status");
    try (TestWorker worker = TestWorker.start(kafka, "legacy")) {
      assertThat(JSON.readTree(worker.get("/connectors").body()))
          .extracting(JsonNode::textValue)
          .containsExactlyInAnyOrder("raw", "raw-headers", "raw-meta", "schema", "blackhole");
      JsonNode status = JSON.readTree(worker.get("/connectors/schema/status").body());
      assertThat(status.at("/connector/state").textValue()).isEqualTo("UNASSIGNED");
      assertThat(status.at("/connector/trace").textValue())
          .contains("com.couchbase.connect.kafka.CouchbaseSourceConnector");
      assertThat(worker.delete("/connectors/schema").statusCode()).isEqualTo(400);
    }
    assertThat(end("legacy") + end("legacy-status")).isEqualTo(end);
  }

  @Test
  void aTargetStateInTheConfigTopicIsHonoured() throws Exception {
    try (TestWorker worker = TestWorker.start(kafka, "paused");
        KafkaProducer<String, String> other =
            new KafkaProducer<>(
                Map.of("bootstrap.servers", kafka.bootstrapServers()),
                new StringSerializer(),
                new StringSerializer())) {
      create(worker, "golden", 2);
      awaitShares(List.of(worker), "golden", 2);

      for (String state : List.of("PAUSED", "STARTED", "STOPPED", "STARTED")) {
        other.send(
            new ProducerRecord<>(
                "paused", "target-state-golden", "{\"state.v2\":\"%s\"}".formatted(state)));
        other.flush();
        boolean runs = state.equals("STARTED");
        awaitShares(List.of(worker), "golden", runs ? 2 : 0);
        await()
            .atMost(SOON)
            .untilAsserted(
                () ->
                    assertThat(status(worker).at("/connector/state").textValue())
                        .isEqualTo(runs ? "RUNNING" : state));
        assertThat(status(worker).get("tasks")).hasSize(state.equals("STOPPED") ? 0 : 2);
      }
    }
  }

  private static long end(String topic) {
    try (KafkaConsumer<String, String> consumer =
        new KafkaConsumer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers()),
            new StringDeserializer(),
            new StringDeserializer())) {
      return consumer
          .endOffsets(
              consumer.partitionsFor(topic).stream()
                  .map(partition -> new TopicPartition(topic, partition.partition()))
                  .toList())
          .values()
          .stream()
          .mapToLong(Long::longValue)
          .sum();
    }
  }

  @Test
  void fiveWorkersThatComeAndGoAlwaysRunEachTaskOnce() throws Exception {
    Random random = new Random(5);
    Map<String, Integer> connectors = new HashMap<>();
    List<TestWorker> workers = new ArrayList<>();
    try {
      for (int i = 0; i < 3; i++) {
        workers.add(TestWorker.start(kafka, "five"));
      }
      for (int step = 0; step < 15; step++) {
        TestWorker any = workers.get(random.nextInt(workers.size()));
        String name = "c" + random.nextInt(4);
        switch (random.nextInt(4)) {
          case 0 -> {
            if (workers.size() < 5) {
              workers.add(TestWorker.start(kafka, "five"));
            }
          }
          case 1 -> {
            if (workers.size() > 1) {
              workers.remove(random.nextInt(workers.size())).close();
            }
          }
          case 2 -> {
            int tasks = 1 + random.nextInt(6);
            any.put("/connectors/" + name + "/config", CONFIG.formatted(tasks));
            connectors.put(name, tasks);
          }
          default -> {
            any.delete("/connectors/" + name);
            connectors.remove(name);
          }
        }
        if (step % 5 == 4) {
          await().atMost(SOON).untilAsserted(() -> assertShared(workers, connectors));
        }
      }
    } finally {
      workers.forEach(TestWorker::close);
    }
  }

  private static void assertShared(List<TestWorker> workers, Map<String, Integer> connectors) {
    Set<String> ids = new HashSet<>();
    int min = Integer.MAX_VALUE;
    int max = 0;
    for (TestWorker worker : workers) {
      int count = 0;
      for (RecordedTask task : worker.tasks().running()) {
        assertThat(ids.add(task.config().id())).as(task.config().id()).isTrue();
        assertThat(connectors)
            .containsEntry(task.config().connector().name(), task.config().tasks());
        count++;
      }
      min = Math.min(min, count);
      max = Math.max(max, count);
    }
    assertThat(ids).hasSize(connectors.values().stream().mapToInt(Integer::intValue).sum());
    assertThat(max - min).isLessThanOrEqualTo(1);
  }
}
