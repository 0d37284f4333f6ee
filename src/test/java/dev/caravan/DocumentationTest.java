// SPDX-License-Identifier: Apache-2.0
package dev.caravan;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.cli.process.ChildProcess;
import dev.caravan.cli.process.WorkerProcess;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.sandbox.kv.auth.Privilege;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.testkit.TestProcesses;
import dev.caravan.testkit.Topic;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.camel.Route;
import org.apache.camel.main.Main;
import org.apache.camel.spi.CamelEvent;
import org.apache.camel.spi.CamelEvent.ExchangeCompletedEvent;
import org.apache.camel.spi.CamelEvent.ExchangeFailedEvent;
import org.apache.camel.support.EventNotifierSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What README.md and docs/ tell users to run, run as it stands there but for hosts and paths. */
class DocumentationTest {
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final Pattern ROUTES = Pattern.compile("- (beans|route|from):");
  private static final Pattern CAMEL_PROPERTY = Pattern.compile("`(camel\\.[\\w.-]+)=([^`]+)`");
  private static final String QUICK_START_BUCKET = "PMCONCURRENCY";

  @TempDir private Path folder;

  private static CouchbaseNode couchbase;
  private static KafkaBroker kafka;

  @BeforeAll
  static void start() throws Exception {
    kafka = KafkaBroker.start("127.0.0.1", 0, Map.of());
    couchbase =
        CouchbaseNode.builder()
            .vbuckets(8)
            .bucket("travel")
            .bucket("travel-sample")
            .bucket(QUICK_START_BUCKET)
            .user("reader", "secret")
            .grant("reader", "travel", EnumSet.allOf(Privilege.class))
            .grant("reader", "travel-sample", EnumSet.allOf(Privilege.class))
            .start();
    couchbase.bucket("travel-sample").upsert("airline_10", "{}");
    Bucket travel = couchbase.bucket("travel");
    travel.upsert("airline_10", "{}");
    travel.createScope("inventory");
    for (String collection : List.of("airline", "hotel")) {
      travel.createCollection("inventory", collection).upsert(collection + "_10", "{}");
    }
  }

  @AfterAll
  static void stop() {
    couchbase.close();
    kafka.close();
  }

  /**
   * Routes in YAML.
   *
   * @param document where they are
   * @param line the first of them, counted from 1
   */
  record Snippet(Path document, int line, String yaml) {
    @Override
    public String toString() {
      return document + ":" + line;
    }
  }

  static Stream<Snippet> snippets() throws IOException {
    return documents().stream().flatMap(DocumentationTest::snippets);
  }

  private static List<Path> documents() throws IOException {
    List<Path> documents = new ArrayList<>(List.of(Path.of("README.md")));
    try (Stream<Path> docs = Files.list(Path.of("docs"))) {
      docs.filter(file -> file.toString().endsWith(".md")).sorted().forEach(documents::add);
    }
    return documents;
  }

  private static Stream<Snippet> snippets(Path document) {
    List<Snippet> snippets = new ArrayList<>();
    List<String> lines = text(document).lines().toList();
    for (int first = 0; first < lines.size(); first++) {
      if (!ROUTES.matcher(lines.get(first).strip()).matches()) {
        continue;
      }
      int indent = lines.get(first).indexOf('-');
      int end = first;
      while (end < lines.size()
          && (lines.get(end).isBlank() || lines.get(end).startsWith(" ".repeat(indent)))
          && !lines.get(end).startsWith("```")) {
        end++;
      }
      snippets.add(
          new Snippet(
              document,
              first + 1,
              lines.subList(first, end).stream()
                  .map(line -> line.isBlank() ? "" : line.substring(indent))
                  .collect(joining("\n", "", "\n"))));
      first = end;
    }
    return snippets.stream();
  }

  private static String text(Path document) {
    try {
      return Files.readString(document);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("snippets")
  void theRoutesRunAndDeliver(Snippet snippet) throws Exception {
    Path file = folder.resolve("snippet.camel.yaml");
    Files.writeString(
        file,
        snippet
            .yaml()
            .replace("couchbase://node1,node2", couchbase.connectionString())
            .replace("localhost:9092", kafka.bootstrapServers())
            .replace("data/offsets.json", folder.resolve("offsets.json").toString()));
    Main main = new Main();
    main.configure().withRoutesIncludePattern("file:" + file);
    main.addInitialProperty("couchbase.password", "secret");
    Matcher properties = CAMEL_PROPERTY.matcher(text(snippet.document()));
    while (properties.find()) {
      main.addInitialProperty(properties.group(1), properties.group(2));
    }
    Outcome outcome = new Outcome();
    main.bind("outcome", outcome);
    main.start();
    try {
      List<String> routes =
          main.getCamelContext().getRoutes().stream().map(Route::getRouteId).toList();
      assertThat(routes).isNotEmpty();
      await().atMost(SOON).untilAsserted(() -> assertThat(outcome.completed).containsAll(routes));
      assertThat(outcome.failed).isEmpty();
      if (snippet.yaml().contains("streamTo: now")) {
        await()
            .atMost(SOON)
            .until(
                () ->
                    main.getCamelContext()
                        .getRouteController()
                        .getRouteStatus(routes.get(0))
                        .isStopped());
      }
    } finally {
      main.stop();
    }
  }

  /** The commands under "A worker", with ports that are free. */
  @Test
  void theQuickStartOfAWorkerPublishesTheBucket() throws Exception {
    String readme = text(Path.of("README.md"));
    Matcher worker = Pattern.compile("    bin/caravan (worker .*-port) 8083").matcher(readme);
    Matcher call =
        Pattern.compile("localhost:8083(/\\S+) -d '(\\{.*?\\n    })'", Pattern.DOTALL)
            .matcher(readme);
    assertThat(worker.find()).isTrue();
    assertThat(call.find()).isTrue();
    couchbase.bucket(QUICK_START_BUCKET).load(100, 100);

    String[] command =
        (worker.group(1) + " 0").replace("localhost:9092", kafka.bootstrapServers()).split(" ");
    try (ChildProcess program = TestProcesses.start(command);
        Topic topic =
            new Topic(kafka.bootstrapServers(), "couchbase-kafka-connector" + QUICK_START_BUCKET)) {
      String url = program.await(WorkerProcess.READY).group(1);
      HttpResponse<String> answer =
          HttpClient.newHttpClient()
              .send(
                  HttpRequest.newBuilder(URI.create(url + call.group(1)))
                      .header("Content-Type", "application/json")
                      .POST(
                          HttpRequest.BodyPublishers.ofString(
                              call.group(2).replace("localhost", "127.0.0.1:" + couchbase.port())))
                      .build(),
                  HttpResponse.BodyHandlers.ofString());
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
      topic.awaitRecords(100);
    }
  }

  /** The routes whose exchanges were delivered, and those with one that was not. */
  private static final class Outcome extends EventNotifierSupport {
    private final Set<String> completed = ConcurrentHashMap.newKeySet();
    private final Set<String> failed = ConcurrentHashMap.newKeySet();

    @Override
    public void notify(CamelEvent event) {
      if (event instanceof ExchangeCompletedEvent done) {
        completed.add(done.getExchange().getFromRouteId());
      } else if (event instanceof ExchangeFailedEvent lost) {
        failed.add(lost.getExchange().getFromRouteId() + ": " + lost.getExchange().getException());
      }
    }
  }
}
