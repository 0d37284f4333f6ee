// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.cli.process.RecordedTasks.RecordedTask;
import dev.caravan.cli.process.TestWorker;
import dev.caravan.rest.RawHttp.Response;
import dev.caravan.sandbox.kafka.KafkaBroker;
import java.io.EOFException;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.Logger;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Invalid requests, as bytes on a socket. The response is always JSON, without a stack trace or a
 * header of the request. After each test the only connector still runs unchanged.
 */
class BadRequestsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SECRET = "hunter2";
  private static final String CONFIG =
      """
      {"connector.class": "dev.caravan.CouchbaseSourceConnector", "couchbase.nodes": "localhost",
       "couchbase.bucket": "travel", "couchbase.username": "me", "couchbase.password": "hunter2"}
      """;
  private static final Map<String, String> AS_JSON = Map.of("Content-Type", "application/json");
  private static final byte[] NOTHING = {};

  /** Everything that was logged since the worker started, traces included. */
  private static final Log LOG = new Log();

  private static KafkaBroker kafka;
  private static TestWorker worker;
  private static String kept;
  private static List<RecordedTask> keptTasks;

  @BeforeAll
  static void startWorker() throws Exception {
    LOG.start();
    ((Logger) LogManager.getRootLogger()).addAppender(LOG);
    kafka = KafkaBroker.start();
    worker = TestWorker.start(kafka, "configs");
    assertThat(worker.put("/connectors/kept/config", CONFIG).statusCode()).isEqualTo(201);
    await().untilAsserted(() -> assertThat(worker.tasks().runningOf("kept")).hasSize(1));
    kept = worker.get("/connectors/kept").body();
    keptTasks = worker.tasks().runningOf("kept");
  }

  @AfterAll
  static void stopWorker() {
    worker.close();
    kafka.close();
    ((Logger) LogManager.getRootLogger()).removeAppender(LOG);
  }

  @AfterEach
  void nothingChanged() throws Exception {
    assertThat(worker.get("/connectors").body()).isEqualTo("[\"kept\"]");
    assertThat(worker.get("/connectors/kept").body()).isEqualTo(kept);
    assertThat(worker.tasks().runningOf("kept")).isEqualTo(keptTasks);
    assertThat(LOG.text)
        .noneMatch(text -> text.contains("ERROR"))
        .noneMatch(BadRequestsTest::leaks);
  }

  static Stream<Arguments> badBodies() {
    return Stream.of(
        body("true", "must be a JSON object"),
        body("17", "must be a JSON object"),
        body("\"{}\"", "must be a JSON object"),
        body("[{}]", "must be a JSON object"),
        body("   ", "must be a JSON object"),
        body("", "has no body"),
        body("{\"name\": [\"x\"], \"config\": {}}", "\"name\" must be"),
        body("{\"name\": {\"x\": 1}, \"config\": {}}", "\"name\" must be"),
        body("{\"name\": null, \"config\": {}}", "\"name\" must be"),
        body("{\"name\": \" \\t \", \"config\": {}}", "\"name\" must be"),
        body("{\"name\": \"x\", \"config\": \"{}\"}", "\"config\" must be"),
        body("{\"name\": \"x\", \"config\": [{}]}", "\"config\" must be"),
        body("{\"name\": \"x\", \"config\": 1}", "\"config\" must be"),
        body("{\"name\": \"x\", \"config\": {\"a\": {\"b\": \"hunter2\"}}}", "\"a\" must be"),
        body("{\"name\": \"x\", \"config\": {\"a\": [\"hunter2\"]}}", "\"a\" must be"),
        body("{\"name\": \"x\", \"config\": {\"a\": null}}", "\"a\" must be"),
        body("{\"name\": \"x\", \"config\": {\"\": 1}}", "can't be a property"),
        body("{\"name\": \"x\", \"config\": {\"a\\nb\": 1}}", "can't be a property"),
        body("{\"name\": \"x\", \"config\": {}, \"initial\": 1}", "\"initial\""),
        body("{\"name\": \"x\", \"config\": " + CONFIG + "} {}", "nothing may follow"),
        body("{\"name\": \"x\", \"config\": " + CONFIG + "} hunter2", "line 3, column"),
        body("{\"name\": \"x\", \"config\": " + CONFIG, "end-of-input"),
        body("{\"name\": \"x\", \"config\": {\"p\": hunter2}}", "line 1, column"),
        body("{\"name\": \"x\", \"config\": {\"p\": 'hunter2'}}", "Unexpected character"),
        body("{\"name\": \"x\", \"config\": {\"p\": 1hunter2}}", "Unexpected character"),
        body("{\"name\": \"x\", \"config\": {\"p\": \"hunter2\\q\"}}", "Malformed JSON"),
        body("{\"name\": \"x\", \"config\": {\"p\": NaN}}", "Malformed JSON"),
        body("{\"name\": \"x\", \"config\": {\"p\": 01}}", "Malformed JSON"),
        body("{\"name\": \"x\", \"config\": {\"p\": " + "9".repeat(5000) + "}}", "Number value"),
        body("{\"name\": \"x\", \"config\": {\"p\": 1, \"p\": 2}}", "Duplicate field 'p'"),
        body("{\"name\": \"x\", \"name\": \"x\", \"config\": {}}", "Duplicate field 'name'"),
        body("{\"name\": \"x\", \"config\": {}, \"config\": {}}", "Duplicate field 'config'"),
        body("{\"name\": \"x\", \"config\": {\"p\": \"\\ud800\"}}", "unpaired surrogate"),
        body("{\"name\": \"\\udc00\", \"config\": " + CONFIG + "}", "unpaired surrogate"),
        body("{\"name\": \"x\", \"config\": {\"a\": " + "[".repeat(60_000), "nesting depth"),
        body("{\"name\": \"x\", \"config\": " + "{\"a\": ".repeat(40_000), "nesting depth"),
        body("[".repeat(60_000) + "]".repeat(60_000), "nesting depth"),
        body("{\"" + "k".repeat(100_000) + "\": 1}", "Name length"),
        Arguments.of("{\"name\": \"é\", \"config\": {}}".getBytes(ISO_8859_1), "no UTF-8 text"),
        Arguments.of(new byte[] {'{', '"', (byte) 0xc0, (byte) 0x80, '"'}, "no UTF-8 text"),
        Arguments.of(CONFIG.getBytes(UTF_16), "no UTF-8 text"));
  }

  private static Arguments body(String body, String message) {
    return Arguments.of(body.getBytes(UTF_8), message);
  }

  @ParameterizedTest
  @MethodSource("badBodies")
  void aBodyThatIsNoCreateRequestIsRefusedWithTheReason(byte[] body, String message)
      throws Exception {
    assertThat(error(400, ask("POST", "/connectors", AS_JSON, body))).contains(message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/connectors/x/config", "/connectors/kept/config"})
  void aDuplicatePropertyIsRefusedByNameRatherThanHalfLost(String path) throws Exception {
    String twice = CONFIG.replace("{", "{\"couchbase.password\": \"first\",");
    assertThat(error(400, ask("PUT", path, AS_JSON, twice.getBytes(UTF_8))))
        .contains("Duplicate field 'couchbase.password'");
  }

  @Test
  void aRefusedConfigRepeatsNoSecret() throws Exception {
    String wrong =
        CONFIG
            .replace("\"localhost\"", "\"couchbase://me:hunter2@localhost\"")
            .replace("travel", "no such bucket");
    assertThat(error(400, ask("PUT", "/connectors/x/config", AS_JSON, wrong.getBytes(UTF_8))))
        .contains("couchbase.nodes", "no such bucket");
  }

  @ParameterizedTest
  @CsvSource({
    "'', 400, is not . or ..",
    ".., 400, is not . or ..",
    "., 400, is not . or ..",
    "a\\u0000b, 400, control",
    "a\\nb, 400, control",
    "kept, 409, Connector kept already exists",
    "' kept ', 409, Connector kept already exists",
  })
  void aNameThatCanNotBeIsRefused(String name, int status, String message) throws Exception {
    String named = name.isEmpty() ? "x".repeat(401) : name;
    String body = "{\"name\": \"" + named + "\", \"config\": " + CONFIG + "}";
    assertThat(error(status, ask("POST", "/connectors", AS_JSON, body.getBytes(UTF_8))))
        .contains(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "%2F",
        "a%2F..%2Fb",
        "%25",
        "%2541",
        "a+b",
        "a%20b",
        "a;b=c",
        "x%3Fy%23z",
        "%C3%BC",
        "%F0%9F%98%80",
        "...",
        "config",
        "LONG",
        "WIDE"
      })
  void anOddNameIsKeptAsItIsAndFoundAtItsLocation(String encoded) throws Exception {
    String segment =
        encoded
            .replace("LONG", "x".repeat(300))
            // As many characters as a name may have, of three bytes each.
            .replace("WIDE", "%E2%82%AC".repeat(400));
    Response created =
        ask("PUT", "/connectors/" + segment + "/config", AS_JSON, CONFIG.getBytes(UTF_8));
    assertThat(created.status()).isEqualTo(201);
    String location = created.headers().get("location").replace("http://localhost", "");
    String name = JSON.readTree(created.bytes()).get("name").textValue();
    Response found = ask("GET", location, Map.of(), NOTHING);
    assertThat(JSON.readTree(found.bytes()).get("name").textValue()).isEqualTo(name);
    assertThat(ask("GET", location + "/status", Map.of(), NOTHING).status()).isEqualTo(200);
    assertThat(ask("DELETE", "/connectors/" + segment, Map.of(), NOTHING).status()).isEqualTo(204);
  }

  @ParameterizedTest
  @CsvSource({
    "%zz, 400",
    "%, 400",
    "%2, 400",
    "%FF, 400",
    "%ED%A0%80, 400",
    "ü, 400",
    "%20, 400",
    "%00, 400",
    "a%07b, 400",
    "'', 404",
    "%2E%2E, 404",
    ".., 404",
    "., 405",
  })
  void aPathThatNamesNoConnectorIsRefused(String segment, int status) throws Exception {
    error(
        status, ask("PUT", "/connectors/" + segment + "/config", AS_JSON, CONFIG.getBytes(UTF_8)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "//connectors",
        "//",
        "/connectors//",
        "/connectors//kept",
        "/connectors/kept//",
        "/connectors//kept/status",
        "/CONNECTORS",
        "/connectors%2Fkept",
        "connectors",
        "*"
      })
  void aPathWithDoubledSlashesOrOtherwiseOffIsNotFound(String path) throws Exception {
    assertThat(error(404, ask("GET", path, Map.of(), NOTHING))).isEqualTo("HTTP 404 Not Found");
    error(404, ask("DELETE", path, Map.of(), NOTHING));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "multipart/form-data",
        "application/xml",
        "application/jsonp",
        "json",
        ";",
        ";charset=utf-8",
        "/",
        "*/*"
      })
  void aBodyOfAnotherTypeIsRefusedUnread(String type) throws Exception {
    Map<String, String> typed = Map.of("Content-Type", type);
    byte[] body = "--b\r\nContent-Disposition: form-data; name=\"connector\"\r\n".getBytes(UTF_8);
    assertThat(error(415, ask("POST", "/connectors", typed, body)))
        .contains("send Content-Type: application/json");
    error(415, ask("PUT", "/connectors/x/config", typed, CONFIG.getBytes(UTF_8)));
  }

  @Test
  void aFormDoesNotNameAnotherConnectorThanThePath() throws Exception {
    Map<String, String> form = Map.of("Content-Type", "application/x-www-form-urlencoded");
    byte[] field = "connector=kept".getBytes(UTF_8);
    error(415, ask("DELETE", "/connectors/nope", form, field));
    error(415, ask("GET", "/connectors/nope", form, field));
  }

  @Test
  void aQueryOrAHeaderDoesNotNameAnotherConnectorThanThePath() throws Exception {
    String path = "/connectors/nope?connector=kept&connector=kept&expand=info&expand=status";
    assertThat(error(404, ask("DELETE", path, Map.of("connector", "kept"), NOTHING)))
        .isEqualTo("Connector nope not found");
  }

  static Stream<Arguments> goodBodies() {
    byte[] bom = ("\ufeff" + CONFIG).getBytes(UTF_8);
    return Stream.of(
        Arguments.of("application/json; charset=utf-8", CONFIG.getBytes(UTF_8)),
        Arguments.of("APPLICATION/JSON;charset=\"UTF-8\"", CONFIG.getBytes(UTF_8)),
        // JSON is UTF-8 with any declared charset.
        Arguments.of("application/json; charset=iso-8859-1", CONFIG.getBytes(UTF_8)),
        Arguments.of("application/json; charset=nonsense", CONFIG.getBytes(UTF_8)),
        Arguments.of("application/json", bom));
  }

  @ParameterizedTest
  @MethodSource("goodBodies")
  void aBodyIsReadAsUtf8WithAnyCharset(String type, byte[] body) throws Exception {
    Map<String, String> typed = Map.of("Content-Type", type, "Accept", "text/html;q=x,,/");
    assertThat(ask("PUT", "/connectors/x/config", typed, body).status()).isEqualTo(201);
    assertThat(ask("DELETE", "/connectors/x", Map.of(), NOTHING).status()).isEqualTo(204);
  }

  @ParameterizedTest
  @CsvSource({
    "/, 200",
    "/connectors?a=b, 200",
    "/connectors/kept, 200",
    "/connectors/nope, 404",
    "/nope, 404",
    "/connectors//, 404",
    "/%zz, 400"
  })
  void headAnswersAsGetWithoutTheBody(String path, int status) throws Exception {
    try (RawHttp http = new RawHttp(worker.url())) {
      Response get = http.send(RawHttp.request("GET", path, Map.of(), NOTHING)).read();
      Response head = http.send(RawHttp.request("HEAD", path, Map.of(), NOTHING)).readHead();
      assertThat(head.status()).isEqualTo(get.status()).isEqualTo(status);
      assertThat(head.headers()).isEqualTo(get.headers());
      // Had there been a body, it would be read as an answer now.
      assertThat(http.send(RawHttp.request("GET", "/", Map.of(), NOTHING)).read().status())
          .isEqualTo(200);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"get", "Delete", "TRACE", "CONNECT", "PROPFIND", "X-Y_Z", "PATCH"})
  void anotherMethodIsNotAllowed(String method) throws Exception {
    Response response = ask(method, "/connectors/kept", Map.of(), NOTHING);
    assertThat(error(405, response)).isEqualTo("HTTP 405 Method Not Allowed");
    assertThat(response.headers()).containsEntry("allow", "DELETE,GET,HEAD,OPTIONS");
    error(404, ask(method, "/nope", Map.of(), NOTHING));
  }

  @ParameterizedTest
  @ValueSource(strings = {"h2c", "websocket", "nonsense"})
  void anotherProtocolIsNotTaken(String protocol) throws Exception {
    Map<String, String> upgrade =
        Map.of(
            "Connection", "Upgrade, HTTP2-Settings",
            "Upgrade", protocol,
            "HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA",
            "Sec-WebSocket-Version", "13",
            "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    assertThat(ask("GET", "/connectors", upgrade, NOTHING).body()).isEqualTo("[\"kept\"]");
  }

  static Stream<Arguments> noHttp() {
    String huge = "x".repeat(20_000);
    return Stream.of(
        raw("GET /" + huge + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        raw("GET /connectors?" + huge + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        raw("GET / HTTP/1.1\r\nHost: x\r\nX-Secret: " + huge + "\r\n\r\n", 431),
        raw("GET / HTTP/1.1\r\nHost: x\r\n" + "X-Secret: h3ader\r\n".repeat(1000) + "\r\n", 431),
        raw("GET /\r\n\r\n", 400),
        raw("G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        raw("\u0016\u0003\u0001\u0002 hello over TLS\r\n\r\n", 400),
        raw("POST /connectors HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{", 400),
        raw("POST /connectors HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n{", 400),
        raw("POST /connectors HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 6\r\n\r\n{", 400),
        raw("GET / HTTP/1.1\r\n\r\n", 400),
        raw("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        raw(
            "POST /connectors HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Expect: h3ader\r\nContent-Length: 2\r\n\r\n{}",
            417));
  }

  private static Arguments raw(String request, int status) {
    return Arguments.of(request.getBytes(ISO_8859_1), status);
  }

  @ParameterizedTest
  @MethodSource("noHttp")
  void invalidOrTooLongHttpIsRefusedInJson(byte[] request, int status) throws Exception {
    try (RawHttp http = new RawHttp(worker.url())) {
      assertThat(error(status, http.send(request).read())).startsWith("HTTP " + status + " ");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"HTTP/1.0\r\n", "HTTP/1.0\r\nHost:\r\n", "HTTP/1.1\r\nHost: \r\n"})
  void aClientThatNamesNoHostReachesTheServerThatItHasConnectedTo(String protocolAndHost)
      throws Exception {
    String head =
        "Content-Type: application/json\r\nContent-Length: " + CONFIG.length() + "\r\n\r\n";
    try (RawHttp http = new RawHttp(worker.url())) {
      http.send(("PUT /connectors/x/config " + protocolAndHost + head + CONFIG).getBytes(UTF_8));
      Response created = http.read();
      assertThat(created.status()).as(created.body()).isEqualTo(201);
      assertThat(created.headers())
          .containsEntry(
              "location", worker.url().replace("localhost", "127.0.0.1") + "/connectors/x");
    }
    try (RawHttp http = new RawHttp(worker.url())) {
      http.send(("GET /connectors?expand=info " + protocolAndHost + "\r\n").getBytes(UTF_8));
      assertThat(http.read().status()).isEqualTo(200);
    }
    assertThat(ask("DELETE", "/connectors/x", Map.of(), NOTHING).status()).isEqualTo(204);
  }

  @Test
  void aBodyOverTheLimitIsRefusedHoweverItIsSent() throws Exception {
    byte[] large = " ".repeat(256 * 1024 + 1).getBytes(UTF_8);
    error(413, ask("POST", "/connectors", AS_JSON, large));
    error(413, ask("POST", "/connectors", chunked(), chunks(large, 64 * 1024)));
    // Not even asked for.
    error(413, ask("POST", "/connectors", expecting(Integer.MAX_VALUE), NOTHING));
  }

  @Test
  void aBodyOfTheLimitIsRead() throws Exception {
    byte[] whole = (CONFIG + " ".repeat(256 * 1024 - CONFIG.length())).getBytes(UTF_8);
    assertThat(ask("PUT", "/connectors/x/config", chunked(), chunks(whole, 1000)).status())
        .isEqualTo(201);
    assertThat(ask("DELETE", "/connectors/x", Map.of(), NOTHING).status()).isEqualTo(204);
  }

  @Test
  void aBodyThatIsWaitedForIsAskedForFirst() throws Exception {
    byte[] body = "{nope".getBytes(UTF_8);
    try (RawHttp http = new RawHttp(worker.url())) {
      http.send(RawHttp.request("POST", "/connectors", expecting(body.length), NOTHING));
      assertThat(http.read().status()).isEqualTo(100);
      assertThat(error(400, http.send(body).read())).contains("Malformed JSON");
    }
  }

  @Test
  void aBodyLongerThanItsLengthIsReadAsTheNextRequest() throws Exception {
    byte[] body = ("{\"name\": \"x\", \"config\": " + CONFIG + "}").getBytes(UTF_8);
    Map<String, String> tooShort =
        Map.of("Content-Type", "application/json", "Content-Length", "5");
    try (RawHttp http = new RawHttp(worker.url())) {
      http.send(RawHttp.request("POST", "/connectors", tooShort, body));
      assertThat(error(400, http.read())).contains("Malformed JSON: Unexpected end-of-input");
      assertThat(error(400, http.read())).startsWith("HTTP 400 Bad Request");
      assertThat(http.isClosedByServer()).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"Content-Length: 100000", "Transfer-Encoding: chunked"})
  void aBodyThatEndsTooEarlyChangesNothing(String header) throws Exception {
    String request =
        "PUT /connectors/x/config HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + header
            + "\r\n\r\n";
    try (RawHttp http = new RawHttp(worker.url())) {
      http.send(request.getBytes(UTF_8)).send(CONFIG.getBytes(UTF_8)).end();
      assertThatThrownBy(http::read).isInstanceOf(EOFException.class);
    }
  }

  @Test
  void pipelinedRequestsAreAnsweredInTheirOrder() throws Exception {
    try (RawHttp http = new RawHttp(worker.url())) {
      http.send(RawHttp.request("GET", "/", Map.of(), NOTHING))
          .send(RawHttp.request("POST", "/connectors", AS_JSON, "{".getBytes(UTF_8)))
          .send(RawHttp.request("GET", "/nope", Map.of(), NOTHING))
          .send(RawHttp.request("HEAD", "/connectors", Map.of(), NOTHING))
          .send(RawHttp.request("PATCH", "/", AS_JSON, "{}".getBytes(UTF_8)))
          .send(RawHttp.request("GET", "/connectors", Map.of(), NOTHING));
      assertThat(http.read().status()).isEqualTo(200);
      error(400, http.read());
      error(404, http.read());
      assertThat(http.readHead().status()).isEqualTo(200);
      error(405, http.read());
      assertThat(http.read().body()).isEqualTo("[\"kept\"]");
    }
  }

  @Test
  void aThousandBadRequestsLeaveTheWorkerAnsweringAtOnce() throws Exception {
    List<byte[]> bodies = badBodies().map(body -> (byte[]) body.get()[0]).toList();
    for (int i = 0; i < 1000; i++) {
      byte[] body = bodies.get(i % bodies.size());
      assertThat(ask("POST", "/connectors", AS_JSON, body).status()).isEqualTo(400);
    }
    long start = System.nanoTime();
    assertThat(worker.get("/connectors/kept/status").statusCode()).isEqualTo(200);
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
  }

  /** Sends a request on a connection of its own, with headers that must not come back. */
  private static Response ask(
      String method, String target, Map<String, String> headers, byte[] body) throws IOException {
    Map<String, String> all = new HashMap<>(headers);
    all.put("X-Secret", "h3ader");
    all.put("Cookie", "h3ader");
    all.put("Authorization", "Basic h3ader");
    try (RawHttp http = new RawHttp(worker.url())) {
      return http.send(RawHttp.request(method, target, all, body)).read();
    }
  }

  /** Checks that an answer is an error as all are, and gives its message. */
  private static String error(int status, Response response) throws IOException {
    assertThat(response.status()).as(response.body()).isEqualTo(status);
    assertThat(response.headers()).containsEntry("content-type", "application/json");
    assertThat(response.headers().toString()).doesNotContain("h3ader");
    JsonNode json = JSON.readTree(response.bytes());
    assertThat(json.fieldNames()).toIterable().containsExactly("error_code", "message");
    assertThat(json.get("error_code").intValue()).isEqualTo(status);
    String message = json.get("message").textValue();
    assertThat(message).isNotBlank().doesNotContain("\tat ", "Exception").matches(m -> !leaks(m));
    return message;
  }

  private static boolean leaks(String text) {
    return text.contains(SECRET) || text.contains("h3ader");
  }

  private static Map<String, String> chunked() {
    return Map.of("Content-Type", "application/json", "Transfer-Encoding", "chunked");
  }

  private static byte[] chunks(byte[] body, int size) {
    StringBuilder chunks = new StringBuilder();
    for (int from = 0; from < body.length; from += size) {
      int length = Math.min(size, body.length - from);
      chunks.append(Integer.toHexString(length)).append("\r\n");
      chunks.append(new String(body, from, length, ISO_8859_1)).append("\r\n");
    }
    return chunks.append("0\r\n\r\n").toString().getBytes(ISO_8859_1);
  }

  private static Map<String, String> expecting(int length) {
    return Map.of(
        "Content-Type", "application/json",
        "Expect", "100-continue",
        "Content-Length", Integer.toString(length));
  }

  /** Keeps what is logged, with its level and its exception. */
  private static final class Log extends AbstractAppender {
    private final List<String> text = new CopyOnWriteArrayList<>();

    private Log() {
      super("kept", null, null, false, Property.EMPTY_ARRAY);
    }

    @Override
    public void append(LogEvent event) {
      text.add(
          event.getLevel() + " " + event.getMessage().getFormattedMessage() + event.getThrown());
    }
  }
}
