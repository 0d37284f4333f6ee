// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.offset.FileOffsetStore;
import dev.caravan.offset.MemoryOffsetStore;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.Processor;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

/** Several consumers with one offset store. */
class OffsetSharingTest {
  private static CouchbaseNode node;

  private final MemoryOffsetStore offsets = new MemoryOffsetStore();
  private final Received received = new Received();
  private final CamelContext context = context("one");
  private String name;
  private Bucket bucket;

  @BeforeAll
  static void startNode() throws Exception {
    node = CouchbaseNode.builder().vbuckets(16).start();
  }

  @AfterAll
  static void stopNode() {
    node.close();
  }

  @BeforeEach
  void createBucket(TestInfo info) {
    name = info.getTestMethod().orElseThrow().getName();
    bucket = node.createBucket(name);
  }

  @AfterEach
  void stop() {
    context.stop();
    node.dropBucket(name);
  }

  private CamelContext context(String contextName) {
    DefaultCamelContext made = new DefaultCamelContext();
    made.getCamelContextExtension().setName(contextName);
    made.getShutdownStrategy().setTimeout(2);
    made.getRegistry().bind("offsets", offsets);
    return made;
  }

  private String uri(String options) {
    return "couchbase-dcp:%s?connectionString=%s&offsetStore=#bean:offsets%s"
        .formatted(name, node.connectionString(), options);
  }

  private void add(CamelContext to, String routeId, String options, Processor processor)
      throws Exception {
    to.addRoutes(
        new RouteBuilder() {
          @Override
          public void configure() {
            errorHandler(noErrorHandler());
            from(uri(options)).routeId(routeId).process(processor);
          }
        });
  }

  @Test
  void aRouteThatWasDownHasLostNothingToTheOtherRouteOfTheFile(@TempDir Path directory)
      throws Exception {
    Path file = directory.resolve("offsets.json");
    bucket.load(10, 100);
    Received other = new Received();
    try (FileOffsetStore store = new FileOffsetStore(file.toString())) {
      run(store, received, "first", 10);
    }
    bucket.load(1_000, 100);
    try (FileOffsetStore store = new FileOffsetStore(file.toString())) {
      run(store, other, "second", 1_000);
    }

    Received later = new Received();
    try (FileOffsetStore store = new FileOffsetStore(file.toString())) {
      run(store, later, "first", 1_000);
    }
    assertThat(new HashSet<>(later.ids())).hasSize(1_000);
  }

  /** Runs one route until it has read this many documents and has stopped. */
  private void run(FileOffsetStore store, Received into, String routeId, int count)
      throws Exception {
    CamelContext once = context(routeId);
    try {
      once.getRegistry().bind("offsets", store);
      add(once, routeId, "", into);
      once.start();
      into.awaitCount(count);
    } finally {
      once.stop();
    }
  }

  @Test
  void theRoutesOfTheDocumentationShareAFile(@TempDir Path directory) throws Exception {
    bucket.createScope("inventory");
    for (String collection : List.of("airline", "hotel")) {
      bucket.createCollection("inventory", collection);
      bucket.collection("inventory", collection).upsert(collection, "1");
    }
    Path file = directory.resolve("offsets.json");
    Path routes = directory.resolve("routes.camel.yaml");
    Files.writeString(
        routes,
        Files.readAllLines(Path.of("docs", "couchbase-dcp-component.md")).stream()
            .dropWhile(line -> !line.startsWith("    - beans:"))
            .takeWhile(line -> line.startsWith("    "))
            .map(line -> line.substring(4))
            .collect(Collectors.joining("\n"))
            .replace("couchbase-dcp:travel", "couchbase-dcp:" + name)
            .replace("couchbase://node1,node2", node.connectionString())
            .replace("data/offsets.json", file.toString())
            .replace("to: log:airlines", "process: {ref: received}")
            .replace("to: log:hotels", "process: {ref: received}"));
    Main main = new Main();
    main.bind("received", received);
    main.configure().withRoutesIncludePattern("file:" + routes);
    main.start();
    received.awaitCount(2);
    main.stop();

    assertThat(received.ids()).containsExactlyInAnyOrder("airline", "hotel");
    JsonNode owners = new ObjectMapper().readTree(file.toFile()).path("owners");
    assertThat(owners.path("airlines").path(name)).isNotEmpty();
    assertThat(owners.path("hotels").path(name)).isNotEmpty();
  }

  @Test
  void aSecondConsumerWithTheSameOffsetsIsRefusedUntilTheFirstHasStopped() throws Exception {
    bucket.load(100, 100);
    add(context, "first", "&offsetKey=copy", received);
    context.start();
    received.awaitCount(100);

    CamelContext other = context("two");
    try {
      other.start();
      assertThatThrownBy(() -> add(other, "second", "&offsetKey=copy", received))
          .hasStackTraceContaining(
              "The offsets of bucket '"
                  + name
                  + "' under the key 'copy' are in use by route 'first' of Camel context 'one'"
                  + " (vbuckets 'all'), so route 'second' of Camel context 'two' (vbuckets 'all')"
                  + " can't use them. Give one of the two another offsetKey;");

      context.getRouteController().stopRoute("first");
      other.getRouteController().startRoute("second");
      bucket.upsert("later", "1");
      received.awaitCount(101);
      assertThatThrownBy(() -> context.getRouteController().startRoute("first"))
          .hasStackTraceContaining("are in use by route 'second' of Camel context 'two'");
    } finally {
      other.stop();
    }
    context.getRouteController().startRoute("first");
    bucket.upsert("last", "1");
    received.awaitCount(102);
    assertThat(received.ids()).doesNotHaveDuplicates();
  }

  @Test
  void consumersMayShareAKeyWithSharesOfTheVbuckets() throws Exception {
    bucket.load(200, 100);
    add(context, "left", "&offsetKey=copy&vbuckets=0/2", received);
    add(context, "right", "&offsetKey=copy&vbuckets=1/2", received);
    context.start();

    received.awaitCount(200);
    assertThat(received.ids()).doesNotHaveDuplicates();
    assertThatThrownBy(() -> add(context, "quarter", "&offsetKey=copy&vbuckets=3/4", received))
        .hasStackTraceContaining("route 'right' of Camel context 'one' (vbuckets '1/2')");
  }

  @Test
  void aRouteThatFailedGivesItsOffsetsUpWhenItStops() throws Exception {
    bucket.upsert("doc", "1");
    add(
        context,
        "first",
        "&offsetKey=copy",
        exchange -> {
          throw new IllegalStateException("no");
        });
    context.start();
    await()
        .atMost(Routes.SOON)
        .until(
            () ->
                ((CouchbaseDcpConsumer) context.getRoute("first").getConsumer()).status().error()
                    != null);
    context.getRouteController().stopRoute("first");

    add(context, "second", "&offsetKey=copy", received);

    received.awaitCount(1);
  }

  @Test
  void aRouteThatCouldNotStartHasNoOffsets() throws Exception {
    bucket.upsert("doc", "1");
    AtomicBoolean threads = new AtomicBoolean();
    context
        .getExecutorServiceManager()
        .addThreadFactoryListener(
            (source, factory) -> {
              if (!threads.get()) {
                throw new IllegalStateException("no threads");
              }
              return factory;
            });
    context.start();
    assertThatThrownBy(() -> add(context, "first", "&offsetKey=copy", received))
        .hasStackTraceContaining("no threads");
    threads.set(true);

    add(context, "second", "&offsetKey=copy", received);

    received.awaitCount(1);
  }

  @Test
  void aContextThatCouldNotStartHasNoOffsets() throws Exception {
    bucket.upsert("doc", "1");
    CamelContext other = context("two");
    add(other, "a", "&offsetKey=copy", exchange -> {});
    add(other, "b", "&offsetKey=copy&batchSize=2", exchange -> {});
    assertThatThrownBy(other::start).hasStackTraceContaining("are in use by route 'a'");
    other.stop();
    add(context, "first", "&offsetKey=copy&streamFrom=beginning", received);
    context.start();

    received.awaitCount(1);
  }

  @Test
  void theKeyOfARouteIsItsIdUnlessOneIsNamed() throws Exception {
    bucket.upsert("doc", "1");
    int vbucket = bucket.vbucketOf("doc");
    add(context, "by-id", "", received);
    add(context, "by-key", "&offsetKey=copy", received);
    context.start();
    received.awaitCount(2);
    context.stop();

    assertThat(offsets.of("by-id").load(name, Set.of(vbucket))).containsOnlyKeys(vbucket);
    assertThat(offsets.of("copy").load(name, Set.of(vbucket))).containsOnlyKeys(vbucket);
    assertThat(offsets.of("by-key").load(name, Set.of(vbucket))).isEmpty();
  }
}
