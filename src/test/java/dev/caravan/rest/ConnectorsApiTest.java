// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.cli.process.TestWorker;
import dev.caravan.connector.TaskStatus;
import dev.caravan.sandbox.kafka.KafkaBroker;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The REST API over HTTP, with a real Kafka. The expected responses are those of Kafka Connect
 * 3.9.1 unless a test says otherwise.
 */
class ConnectorsApiTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String CONFIG =
      """
      {
        "connector.class": "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector",
        "couchbase.nodes": "localhost",
        "couchbase.bucket": "travel",
        "couchbase.username": "Administrator",
        "couchbase.password": "secret",
        "tasks.max": "2"
      }
      """;

  private static KafkaBroker kafka;
  private static TestWorker worker;

  @BeforeAll
  static void startWorker() throws Exception {
    kafka = KafkaBroker.start();
    worker = TestWorker.start(kafka, "configs");
  }

  @AfterAll
  static void stopWorker() {
    worker.close();
    kafka.close();
  }

  @AfterEach
  void deleteConnectors() throws Exception {
    worker.tasks().open();
    worker.tasks().setStartFailure(null);
    worker.tasks().setStatus(new TaskStatus(TaskStatus.TaskState.STREAMING, null));
    for (JsonNode name : json(worker.get("/connectors"))) {
      worker.delete("/connectors/" + name.textValue().replace("/", "%2F").replace(" ", "%20"));
    }
  }

  @Test
  void theRootHasTheVersionAndTheKafkaCluster() throws Exception {
    HttpResponse<String> response = worker.get("/");
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("Content-Type")).contains("application/json");
    assertThat(json(response).fieldNames())
        .toIterable()
        .containsExactly("version", "commit", "kafka_cluster_id");
    assertThat(json(response).get("kafka_cluster_id").textValue()).isNotBlank();
  }

  @Test
  void createAnswersWithTheConnectorAndItsTasks() throws Exception {
    HttpResponse<String> response = create("golden");
    assertThat(response.statusCode()).isEqualTo(201);
    assertThat(response.headers().firstValue("Location"))
        .contains(worker.url() + "/connectors/golden");
    assertThat(json(response))
        .isEqualTo(
            JSON.readTree(
                """
                {
                  "name": "golden",
                  "config": {
                    "connector.class": "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector",
                    "couchbase.nodes": "localhost",
                    "couchbase.bucket": "travel",
                    "couchbase.username": "Administrator",
                    "couchbase.password": "secret",
                    "tasks.max": "2",
                    "name": "golden"
                  },
                  "tasks": [
                    {"connector": "golden", "task": 0},
                    {"connector": "golden", "task": 1}
                  ],
                  "type": "source"
                }
                """));
    assertThat(json(worker.get("/connectors/golden"))).isEqualTo(json(response));
    assertThat(json(worker.get("/connectors/golden/config")))
        .isEqualTo(json(response).get("config"));
    assertThat(worker.get("/connectors").body()).isEqualTo("[\"golden\"]");
  }

  @Test
  void createDoesNotWaitForTheTasksToStart() throws Exception {
    worker.tasks().block();
    assertThat(create("slow").statusCode()).isEqualTo(201);
    await()
        .untilAsserted(
            () -> {
              JsonNode status = json(worker.get("/connectors/slow/status"));
              assertThat(status.at("/connector/state").textValue()).isEqualTo("RUNNING");
              assertThat(status.at("/tasks/0/state").textValue()).isEqualTo("UNASSIGNED");
            });
    // Another connector can be created and deleted meanwhile.
    assertThat(create("other").statusCode()).isEqualTo(201);
    assertThat(worker.delete("/connectors/other").statusCode()).isEqualTo(204);
    worker.tasks().open();
    awaitRunning("slow", 2);
    assertThat(worker.tasks().runningOf("other")).isEmpty();
  }

  @Test
  void aConnectorThatExistsIsAConflict() throws Exception {
    create("golden");
    HttpResponse<String> response = create("golden");
    assertError(response, 409, "Connector golden already exists");
  }

  @Test
  void allErrorsOfAConfigAreReported() throws Exception {
    HttpResponse<String> response =
        worker.post(
            "/connectors",
            """
            {"name": "bad", "config": {
              "connector.class": "no.such.Class", "tasks.max": "zero", "couchbase.bucket": "travel",
              "couchbase.username": "someone", "couchbase.password": "top-secret",
              "couchbase.dcpConnectionBufferSize": "lots", "dcp.maximum.drainrate": "1.5"}}
            """);
    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(json(response).get("error_code").intValue()).isEqualTo(400);
    assertThat(json(response).get("message").textValue())
        .startsWith("Connector configuration is invalid and contains the following 5 error(s):\n")
        .contains(
            "Invalid value no.such.Class for configuration connector.class: ",
            "Invalid value zero for configuration tasks.max: Not a number of type INT",
            "Missing required configuration \"couchbase.nodes\" which has no default value.",
            "Invalid value lots for configuration couchbase.dcpConnectionBufferSize: Not a number",
            "Invalid value 1.5 for configuration dcp.maximum.drainrate: Not a number of type INT")
        .doesNotContain("top-secret");
    assertThat(worker.get("/connectors").body()).isEqualTo("[]");
  }

  @Test
  void aNameInTheConfigMustBeTheConnectorsOwn() throws Exception {
    assertError(
        worker.put("/connectors/golden/config", CONFIG.replace("{", "{\"name\": \"other\",")),
        400,
        "Connector name configuration (other) doesn't match connector name in the URL (golden)");
  }

  @Test
  void namesAreTrimmed() throws Exception {
    assertThat(json(create(" padded ")).get("name").textValue()).isEqualTo("padded");
    assertThat(json(worker.get("/connectors/padded/config")).get("name").textValue())
        .isEqualTo("padded");
  }

  @Test
  void aNameMayHaveASlash() throws Exception {
    HttpResponse<String> response = worker.put("/connectors/a%2Fb/config", CONFIG);
    assertThat(response.statusCode()).isEqualTo(201);
    // Kafka Connect's own answer, /connectors/a/b, leads nowhere.
    assertThat(response.headers().firstValue("Location"))
        .contains(worker.url() + "/connectors/a%2Fb");
    assertThat(json(worker.get("/connectors/a%2Fb")).get("name").textValue()).isEqualTo("a/b");
    assertThat(worker.delete("/connectors/a%2Fb").statusCode()).isEqualTo(204);
  }

  @Test
  void putCreatesThenChanges() throws Exception {
    HttpResponse<String> created = worker.put("/connectors/golden/config", CONFIG);
    assertThat(created.statusCode()).isEqualTo(201);
    assertThat(created.headers().firstValue("Location"))
        .contains(worker.url() + "/connectors/golden");
    HttpResponse<String> changed =
        worker.put("/connectors/golden/config", CONFIG.replace("\"2\"", "3"));
    assertThat(changed.statusCode()).isEqualTo(200);
    assertThat(changed.headers().firstValue("Location")).isEmpty();
    assertThat(json(changed).get("tasks")).hasSize(3);
    assertThat(json(changed).at("/config/tasks.max").textValue()).isEqualTo("3");
    awaitRunning("golden", 3);
  }

  @Test
  void aPutThatChangesNothingLeavesTheTasksRunning() throws Exception {
    create("golden");
    awaitRunning("golden", 2);
    var before = worker.tasks().runningOf("golden");
    assertThat(worker.put("/connectors/golden/config", CONFIG).statusCode()).isEqualTo(200);
    assertThat(worker.tasks().runningOf("golden")).isEqualTo(before);
  }

  @Test
  void deletedIsGone() throws Exception {
    create("golden");
    awaitRunning("golden", 2);
    HttpResponse<String> response = worker.delete("/connectors/golden");
    assertThat(response.statusCode()).isEqualTo(204);
    assertThat(response.body()).isEmpty();
    assertThat(worker.get("/connectors/golden").statusCode()).isEqualTo(404);
    awaitRunning("golden", 0);
  }

  /** As in Kafka Connect: 202 without a body, even if nothing changes. */
  @Test
  void aPausedConnectorKeepsItsTasksAndDeliversNothingUntilItIsResumed() throws Exception {
    create("golden");
    awaitRunning("golden", 2);
    for (int i = 0; i < 2; i++) {
      assertAccepted("/connectors/golden/pause");
      awaitStates("PAUSED", List.of("PAUSED", "PAUSED"));
      awaitRunning("golden", 0);
    }
    for (int i = 0; i < 2; i++) {
      assertAccepted("/connectors/golden/resume");
      awaitStates("RUNNING", List.of("RUNNING", "RUNNING"));
      awaitRunning("golden", 2);
    }
  }

  @Test
  void aStoppedConnectorHasNoTasksUntilItIsResumed() throws Exception {
    create("golden");
    awaitRunning("golden", 2);
    assertAccepted("/connectors/golden/stop");
    awaitStates("STOPPED", List.of());
    awaitRunning("golden", 0);
    assertThat(json(worker.get("/connectors/golden/config")).get("tasks.max").textValue())
        .isEqualTo("2");
    assertAccepted("/connectors/golden/resume");
    awaitStates("RUNNING", List.of("RUNNING", "RUNNING"));
  }

  /** Kafka Connect's target state belongs to the connector: a new one of its name is started. */
  @Test
  void aConnectorThatIsCreatedAgainIsNotPaused() throws Exception {
    create("golden");
    assertAccepted("/connectors/golden/pause");
    worker.delete("/connectors/golden");
    create("golden");
    awaitRunning("golden", 2);
  }

  private static void assertAccepted(String path) throws Exception {
    HttpResponse<String> response =
        worker.send(worker.request(path).PUT(HttpRequest.BodyPublishers.noBody()));
    assertThat(response.statusCode()).isEqualTo(202);
    assertThat(response.body()).isEmpty();
  }

  private static void awaitStates(String connector, List<String> tasks) {
    await()
        .untilAsserted(
            () -> {
              JsonNode status = json(worker.get("/connectors/golden/status"));
              assertThat(status.at("/connector/state").textValue()).isEqualTo(connector);
              assertThat(status.get("tasks").findValuesAsText("state")).isEqualTo(tasks);
            });
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /connectors/nope, Connector nope not found",
    "DELETE, /connectors/nope, Connector nope not found",
    "GET, /connectors/nope/config, Connector nope not found",
    "GET, /connectors/nope/tasks, Connector nope not found",
    "GET, /connectors/nope/status, No status found for connector nope",
    "PUT, /connectors/nope/pause, Connector nope not found",
    "PUT, /connectors/nope/resume, Connector nope not found",
    "PUT, /connectors/nope/stop, Connector nope not found",
  })
  void anUnknownConnectorIsNotFound(String method, String path, String message) throws Exception {
    assertError(
        worker.send(worker.request(path).method(method, HttpRequest.BodyPublishers.noBody())),
        404,
        message);
  }

  @Test
  void theStatusHasTheWorkersOfTheTasks() throws Exception {
    create("golden");
    awaitRunning("golden", 2);
    String workerId = worker.url().substring("http://".length());
    assertThat(json(worker.get("/connectors/golden/status")))
        .isEqualTo(
            JSON.readTree(
                """
                {"name": "golden",
                 "connector": {"state": "RUNNING", "worker_id": "W"},
                 "tasks": [
                   {"id": 0, "state": "RUNNING", "worker_id": "W"},
                   {"id": 1, "state": "RUNNING", "worker_id": "W"}],
                 "type": "source"}
                """
                    .replace("W", workerId)));
  }

  @Test
  void theStatusHasTheErrorThatATaskRetries() throws Exception {
    worker
        .tasks()
        .setStatus(
            new TaskStatus(
                TaskStatus.TaskState.CONNECTING, new ConnectException("localhost:11210 refused")));
    create("golden");
    awaitRunning("golden", 2);
    JsonNode task = json(worker.get("/connectors/golden/status")).at("/tasks/0");
    assertThat(task.get("state").textValue()).isEqualTo("UNASSIGNED");
    assertThat(task.get("trace").textValue()).contains("localhost:11210 refused");
  }

  @Test
  void theStatusHasTheErrorOfAFailedTask() throws Exception {
    worker
        .tasks()
        .setStatus(
            new TaskStatus(TaskStatus.TaskState.FAILED, new IllegalStateException("no topic")));
    create("golden");
    awaitRunning("golden", 2);
    JsonNode task = json(worker.get("/connectors/golden/status")).at("/tasks/1");
    assertThat(task.get("state").textValue()).isEqualTo("FAILED");
    assertThat(task.get("trace").textValue()).contains("IllegalStateException: no topic\n\tat ");
  }

  @Test
  void aTaskThatCannotStartIsFailedAndStartsWithTheNextPut() throws Exception {
    worker.tasks().setStartFailure(new IllegalStateException("no such option"));
    create("golden");
    await()
        .untilAsserted(
            () -> {
              JsonNode task = json(worker.get("/connectors/golden/status")).at("/tasks/0");
              assertThat(task.get("state").textValue()).isEqualTo("FAILED");
              assertThat(task.get("trace").textValue()).contains("no such option");
            });
    worker.tasks().setStartFailure(null);
    assertThat(worker.put("/connectors/golden/config", CONFIG).statusCode()).isEqualTo(200);
    awaitRunning("golden", 2);
  }

  @Test
  void tasksHaveTheirShares() throws Exception {
    create("golden");
    JsonNode tasks = json(worker.get("/connectors/golden/tasks"));
    assertThat(tasks).hasSize(2);
    assertThat(tasks.at("/1/id").toString()).isEqualTo("{\"connector\":\"golden\",\"task\":1}");
    assertThat(tasks.at("/1/config/vbuckets").textValue()).isEqualTo("1/2");
    assertThat(tasks.at("/1/config/couchbase.bucket").textValue()).isEqualTo("travel");
  }

  @Test
  void scalarsBecomeStrings() throws Exception {
    HttpResponse<String> response =
        worker.put(
            "/connectors/golden/config",
            CONFIG
                .replace("{", "{\"a\": 1000, \"b\": true, \"c\": 0.10, \"tasks.max\": 1,")
                .replace(",\n  \"tasks.max\": \"2\"", ""));
    assertThat(response.statusCode()).isEqualTo(201);
    JsonNode config = json(response).get("config");
    assertThat(config.get("a").textValue()).isEqualTo("1000");
    assertThat(config.get("b").textValue()).isEqualTo("true");
    assertThat(config.get("c").textValue()).isEqualTo("0.10");
    assertThat(config.get("tasks.max").textValue()).isEqualTo("1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "[1]", "{\"x\": 1}"})
  void otherValuesAreRefusedByName(String value) throws Exception {
    HttpResponse<String> response =
        worker.put(
            "/connectors/golden/config", CONFIG.replace("{", "{\"odd.key\": " + value + ","));
    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(json(response).get("message").textValue()).contains("\"odd.key\"");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{nope",
        "",
        "[]",
        "null",
        "\"text\"",
        "{}",
        "{\"name\": \"x\"}",
        "{\"name\": \"x\", \"config\": null}",
        "{\"name\": \"\", \"config\": {}}",
        "{\"name\": 1, \"config\": {}}",
        "{\"config\": {}}",
        "{\"name\": \"x\", \"config\": {}, \"unknown\": 1}",
        "{\"name\": \"x\", \"name\": \"y\", \"config\": {}}",
        "{\"name\": \"x\", \"config\": {}} trailing",
      })
  void anInvalidCreateRequestIsABadRequest(String body) throws Exception {
    HttpResponse<String> response = worker.post("/connectors", body);
    assertThat(response.statusCode()).isEqualTo(400);
    assertThat(response.headers().firstValue("Content-Type")).contains("application/json");
    assertThat(json(response).get("error_code").intValue()).isEqualTo(400);
    assertThat(json(response).get("message").textValue()).isNotBlank();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/nope", "/connectors/x/nope", "/connectors/x/tasks/0/nope"})
  void anUnknownPathIsNotFoundInJson(String path) throws Exception {
    assertError(worker.get(path), 404, "HTTP 404 Not Found");
  }

  @ParameterizedTest
  @CsvSource({
    "PATCH, /connectors, 'GET,HEAD,OPTIONS,POST'",
    "DELETE, /, 'GET,HEAD,OPTIONS'",
    "POST, /connectors/x, 'DELETE,GET,HEAD,OPTIONS'",
    "DELETE, /connectors/x/config, 'GET,HEAD,OPTIONS,POST,PUT'",
    "POST, /connectors/x/status/, 'GET,HEAD,OPTIONS'",
    "GET, /connectors/x/pause, 'OPTIONS,PUT'",
  })
  void aWrongMethodIsRefusedInJsonWithTheAllowedOnes(String method, String path, String allow)
      throws Exception {
    HttpResponse<String> response =
        worker.send(worker.request(path).method(method, HttpRequest.BodyPublishers.noBody()));
    assertError(response, 405, "HTTP 405 Method Not Allowed");
    assertThat(response.headers().firstValue("Allow")).contains(allow);
  }

  @Test
  void optionsReturnsTheMethods() throws Exception {
    HttpResponse<String> response =
        worker.send(
            worker.request("/connectors").method("OPTIONS", HttpRequest.BodyPublishers.noBody()));
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("Allow")).contains("GET,HEAD,OPTIONS,POST");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "odd"})
  void aBodyThatIsNotSentAsJsonIsUnsupported(String type) throws Exception {
    HttpResponse<String> response =
        worker.send(
            worker
                .request("/connectors")
                .header("Content-Type", type)
                .POST(HttpRequest.BodyPublishers.ofString("{\"name\": \"x\"}")));
    assertThat(response.statusCode()).isEqualTo(415);
    assertThat(json(response).get("error_code").intValue()).isEqualTo(415);
  }

  @Test
  void aBodyOfNoTypeIsUnsupported() throws Exception {
    HttpResponse<String> response =
        worker.send(
            worker
                .request("/connectors/golden/config")
                .PUT(HttpRequest.BodyPublishers.ofString(CONFIG)));
    assertError(
        response, 415, "HTTP 415 Unsupported Media Type: send Content-Type: application/json");
  }

  /** As a real Kafka Connect answered, save that its connectors come in no order. */
  @Test
  void theListIsExpandedByInfoAndStatusAndIgnoresOtherValues() throws Exception {
    create("golden");
    create("other");
    awaitRunning("golden", 2);
    awaitRunning("other", 2);
    JsonNode golden = json(worker.get("/connectors/golden"));
    JsonNode status = json(worker.get("/connectors/golden/status"));

    JsonNode both = json(worker.get("/connectors?expand=status&expand=info"));
    assertThat(both.fieldNames()).toIterable().containsExactly("golden", "other");
    assertThat(both.get("golden").fieldNames()).toIterable().containsExactly("status", "info");
    assertThat(both.at("/golden/info")).isEqualTo(golden);
    assertThat(both.at("/golden/status")).isEqualTo(status);

    assertThat(json(worker.get("/connectors?expand=info")).get("golden").fieldNames())
        .toIterable()
        .containsExactly("info");
    assertThat(worker.get("/connectors?expand=nonsense").body())
        .isEqualTo("{\"golden\":{},\"other\":{}}");
    assertThat(worker.get("/connectors?expand").body()).isEqualTo("{\"golden\":{},\"other\":{}}");
    HttpResponse<String> head =
        worker.send(
            worker
                .request("/connectors?expand=info")
                .method("HEAD", HttpRequest.BodyPublishers.noBody()));
    assertThat(head.statusCode()).isEqualTo(200);
    assertThat(head.body()).isEmpty();
  }

  @Test
  void aBodyThatIsTooLargeIsRefusedInJson() throws Exception {
    HttpResponse<String> response =
        worker.post("/connectors", "{\"name\": \"" + "x".repeat(2 * 1024 * 1024) + "\"}");
    assertThat(response.statusCode()).isEqualTo(413);
    assertThat(json(response).get("error_code").intValue()).isEqualTo(413);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/connectors/", "/connectors/golden/", "/connectors/golden/config/"})
  void aSlashAtTheEndChangesNothing(String path) throws Exception {
    create("golden");
    HttpResponse<String> with = worker.get(path);
    assertThat(with.statusCode()).isEqualTo(200);
    assertThat(with.body()).isEqualTo(worker.get(path.replaceAll("/$", "")).body());
  }

  @Test
  void thePathAloneNamesTheConnector() throws Exception {
    create("golden");
    HttpResponse<String> response =
        worker.send(
            worker.request("/connectors/golden?connector=other").header("connector", "another"));
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(json(response).get("name").textValue()).isEqualTo("golden");
  }

  @Test
  void theAnswerRepeatsNothingOfTheRequestsHeaders() throws Exception {
    for (String path : List.of("/connectors", "/connectors/nope", "/nope")) {
      HttpResponse<String> response =
          worker.send(
              worker
                  .request(path)
                  .header("X-Secret", "s3cret")
                  .header("Authorization", "Basic eA=="));
      assertThat(response.headers().map().toString())
          .doesNotContain("s3cret")
          .doesNotContain("Basic");
    }
  }

  @Test
  void theRequestsOfTheMissionsPageWorkAsTheyArePrinted() throws Exception {
    String created = exchange("create-request.txt");
    assertThat(created).startsWith("HTTP/1.1 201 ");
    awaitRunning("couchbase-kafka-connector", 1);
    assertThat(created)
        .contains("\"tasks\":[{\"connector\":\"couchbase-kafka-connector\",\"task\":0}]");

    String edited = exchange("edit-request.txt");
    assertThat(edited)
        .startsWith("HTTP/1.1 200 ")
        .contains("\"couchbase.buckets\":\"PMCONCURRENCY\"");
    await()
        .untilAsserted(
            () -> {
              var tasks = worker.tasks().runningOf("couchbase-kafka-connector");
              assertThat(tasks).hasSize(1);
              assertThat(tasks.get(0).config().connector().properties())
                  .containsKey("couchbase.buckets");
              assertThat(tasks.get(0).runningBefore()).isZero();
            });

    assertThat(exchange("delete-request.txt")).startsWith("HTTP/1.1 204 ");
    assertThat(exchange("edit-request.txt")).startsWith("HTTP/1.1 201 ");
  }

  /** Sends a request as it is printed, but for the host, the length, and CRLF at line ends. */
  private static String exchange(String resource) throws Exception {
    String text;
    try (InputStream in = ConnectorsApiTest.class.getResourceAsStream("/mission/" + resource)) {
      text = new String(in.readAllBytes(), UTF_8);
    }
    URI url = URI.create(worker.url());
    String[] parts = text.split("\n\n", 2);
    String body = parts.length == 1 ? "" : parts[1];
    String head =
        parts[0]
            .strip()
            .replace("[host where the connector is running]", url.getAuthority())
            .replace("\n", "\r\n");
    try (Socket socket = new Socket(url.getHost(), url.getPort())) {
      socket
          .getOutputStream()
          .write(
              (head
                      + "\r\nConnection: close\r\nContent-Length: "
                      + body.getBytes(UTF_8).length
                      + "\r\n\r\n"
                      + body)
                  .getBytes(UTF_8));
      return new String(socket.getInputStream().readAllBytes(), UTF_8);
    }
  }

  private static HttpResponse<String> create(String name) throws Exception {
    return worker.post("/connectors", "{\"name\": \"" + name + "\", \"config\": " + CONFIG + "}");
  }

  private static void awaitRunning(String connector, int tasks) {
    await().untilAsserted(() -> assertThat(worker.tasks().runningOf(connector)).hasSize(tasks));
  }

  private static void assertError(HttpResponse<String> response, int status, String message)
      throws Exception {
    assertThat(response.statusCode()).isEqualTo(status);
    assertThat(response.headers().firstValue("Content-Type")).contains("application/json");
    assertThat(json(response))
        .isEqualTo(JSON.createObjectNode().put("error_code", status).put("message", message));
  }

  private static JsonNode json(HttpResponse<String> response) throws Exception {
    return JSON.readTree(response.body());
  }
}
