// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.offset.MemoryOffsetStore;
import dev.caravan.offset.OffsetStore;
import dev.caravan.sandbox.Sandbox;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.VBucketReplica;
import dev.caravan.testkit.Topic;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.camel.CamelContext;
import org.apache.camel.main.Main;
import org.apache.camel.model.ModelCamelContext;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Tasks as routes of the real template, between a real Couchbase protocol and a real Kafka. */
class TaskRoutesTest {
  private static Sandbox sandbox;
  private static Main main;
  private static CamelContext camel;
  private static TaskRoutes routes;

  @BeforeAll
  static void start() throws Exception {
    sandbox = Sandbox.builder().vbuckets(16).buckets(List.of("travel", "orders")).start();
    main = new Main();
    main.configure().withRoutesIncludePattern("classpath:routes/couchbase-to-kafka.camel.yaml");
    main.start();
    camel = main.getCamelContext();
    routes = new TaskRoutes(() -> camel, sandbox.kafkaAddress(), Optional.empty());
    for (String bucket : List.of("travel", "orders")) {
      IntStream.range(0, 50)
          .forEach(i -> sandbox.couchbase().bucket(bucket).upsert(bucket + i, "{\"n\":" + i + "}"));
    }
  }

  @AfterAll
  static void stop() {
    main.stop();
    sandbox.close();
  }

  @Test
  void tasksShareTheDocumentsOfAllBuckets() throws Exception {
    List<TaskConfig> tasks =
        TaskConfig.of(
            config(
                "share",
                Map.of(
                    "couchbase.buckets", "travel,orders",
                    "topic", "share-",
                    "tasks.max", "3",
                    "dcp.maximum.drainrate", "1000")));
    OffsetStore offsets = new MemoryOffsetStore().of("connector");
    List<Task> running = tasks.stream().map(task -> start(task, offsets)).toList();
    try (Topic travel = new Topic(sandbox.kafkaAddress(), "share-travel");
        Topic orders = new Topic(sandbox.kafkaAddress(), "share-orders")) {
      assertThat(travel.awaitRecords(50)).extracting(ConsumerRecord::key).doesNotHaveDuplicates();
      assertThat(orders.awaitRecords(50)).extracting(ConsumerRecord::key).doesNotHaveDuplicates();
      running.forEach(
          task ->
              await()
                  .untilAsserted(
                      () ->
                          assertThat(task.status())
                              .isEqualTo(new TaskStatus(TaskStatus.TaskState.STREAMING, null))));
    } finally {
      running.forEach(Task::close);
    }
  }

  @Test
  void aRollbackIsPublishedToTheOperationsTopic() throws Exception {
    Bucket bucket = sandbox.couchbase().createBucket("failing");
    Task task =
        start(
            TaskConfig.of(
                    config(
                        "failing",
                        Map.of(
                            "couchbase.bucket", "failing",
                            "couchbase.operations.topic", "operations")))
                .get(0),
            new MemoryOffsetStore().of("connector"));
    try (Topic documents = new Topic(sandbox.kafkaAddress(), "failing");
        Topic operations = new Topic(sandbox.kafkaAddress(), "operations")) {
      int vbucket = bucket.vbucketOf("doc");
      VBucketReplica replica = bucket.replica(vbucket);
      long oldVbuuid = bucket.vbuuid(vbucket);
      bucket.upsert("doc", "1");
      documents.awaitRecords(1);

      bucket.failOver(replica);

      ConsumerRecord<String, byte[]> event = operations.awaitRecords(1).get(0);
      assertThat(event.key()).isEqualTo("failing/" + vbucket);
      assertThat(
              new ObjectMapper()
                  .readValue(event.value(), new TypeReference<Map<String, Object>>() {}))
          .containsEntry("event", "rollback")
          .containsEntry("bucket", "failing")
          .containsEntry("vBucket", vbucket)
          .containsEntry("fromSeqno", 1)
          .containsEntry("toSeqno", 0)
          .containsEntry("oldVbuuid", oldVbuuid)
          .containsEntry("newVbuuid", bucket.vbuuid(vbucket));
      assertThat(task.status().error()).isNull();
    } finally {
      task.close();
      sandbox.couchbase().dropBucket("failing");
    }
  }

  @Test
  void documentsFromBeforeNowAreSkipped() throws Exception {
    Bucket bucket = sandbox.couchbase().createBucket("later");
    bucket.upsert("before", "1");
    Task task =
        start(
            TaskConfig.of(
                    config(
                        "later",
                        Map.of("couchbase.bucket", "later", "couchbase.stream.from", "NOW")))
                .get(0),
            new MemoryOffsetStore().of("connector"));
    try (Topic documents = new Topic(sandbox.kafkaAddress(), "later")) {
      await().until(() -> task.status().state() == TaskStatus.TaskState.STREAMING);
      bucket.upsert("after", "1");
      assertThat(documents.awaitRecords(1))
          .extracting(ConsumerRecord::key)
          .containsExactly("after");
    } finally {
      task.close();
      sandbox.couchbase().dropBucket("later");
    }
  }

  @Test
  void withoutCredentialsEachBucketsNameIsTheUser() throws Exception {
    Map<String, String> properties = properties("anonymous");
    properties.remove("couchbase.username");
    properties.remove("couchbase.password");
    properties.put("topic", "anonymous-");
    properties.put("couchbase.buckets", "travel,orders");
    Task task =
        start(
            TaskConfig.of(ConnectorConfig.parse(properties)).get(0),
            new MemoryOffsetStore().of("connector"));
    try (Topic orders = new Topic(sandbox.kafkaAddress(), "anonymous-orders")) {
      assertThat(orders.awaitRecords(50)).hasSize(50);
    } finally {
      task.close();
    }
  }

  @Test
  void aWrongPasswordIsReportedAndNotShown() {
    Task task =
        start(
            TaskConfig.of(
                    config(
                        "wrong",
                        Map.of("couchbase.buckets", "travel", "couchbase.password", "wr0ng")))
                .get(0),
            new MemoryOffsetStore().of("connector"));
    try {
      await()
          .untilAsserted(
              () -> {
                assertThat(task.status().state()).isEqualTo(TaskStatus.TaskState.CONNECTING);
                assertThat(task.status().error()).isNotNull();
              });
      assertThat(task.status().error()).hasMessageContaining("Administrator");
      assertThat(task.status().error().toString()).doesNotContain("wr0ng");
      assertThat(camel.getEndpoints().toString()).doesNotContain("wr0ng");
    } finally {
      task.close();
    }
  }

  @Test
  void aTaskThatIsClosedLeavesNothing() {
    start("warm-up").close();
    int endpoints = camel.getEndpoints().size();
    for (int i = 0; i < 10; i++) {
      Task task = start("odd name/{{$}}~%25 \"é");
      assertThat(camel.getRoutes()).hasSize(1);
      task.close();
    }
    assertThat(camel.getRoutes()).isEmpty();
    assertThat(((ModelCamelContext) camel).getRouteDefinitions()).isEmpty();
    assertThat(camel.getEndpoints()).hasSize(endpoints);
    assertThat(camel.getRegistry().findByType(OffsetStore.class)).isEmpty();
  }

  @Test
  void aTaskThatCannotStartLeavesNothing() {
    TaskRoutes broken = new TaskRoutes(() -> camel, "no brokers:at all", Optional.empty());
    assertThatThrownBy(
            () ->
                broken.start(
                    TaskConfig.of(config("broken", Map.of("couchbase.buckets", "travel"))).get(0),
                    new MemoryOffsetStore().of("connector")))
        .isNotNull();
    assertThat(camel.getRoutes()).isEmpty();
    assertThat(((ModelCamelContext) camel).getRouteDefinitions()).isEmpty();
  }

  @Test
  void charactersThatRouteIdsDoNotAllowAreEscaped() {
    assertThat(routeId("golden")).isEqualTo("golden-0");
    assertThat(routeId("a/b c~")).isEqualTo("a~2f~b~20~c~7e~-0");
    assertThat(routeId("é")).isEqualTo("~e9~-0");
  }

  @Test
  void warmingUpPublishesNothingAndLeavesNothing() throws Exception {
    Bucket bucket = sandbox.couchbase().createBucket("warm");
    ConnectorConfig config = config("warm", Map.of("couchbase.bucket", "warm"));
    int endpoints = camel.getEndpoints().size();
    try {
      bucket.upsert("before", "1");
      routes.warmUp(TaskConfig.of(config).get(0), Duration.ofSeconds(20));
      assertThat(camel.getRoutes()).isEmpty();
      assertThat(camel.getEndpoints()).hasSize(endpoints);
      // A task still reads everything.
      Task task = start(TaskConfig.of(config).get(0), new MemoryOffsetStore().of("connector"));
      try (Topic documents = new Topic(sandbox.kafkaAddress(), "warm")) {
        assertThat(documents.awaitRecords(1))
            .extracting(ConsumerRecord::key)
            .containsExactly("before");
      } finally {
        task.close();
      }
    } finally {
      sandbox.couchbase().dropBucket("warm");
    }
  }

  @Test
  void warmingUpWaitsForADeadCouchbaseUntilTheTimeout() {
    ConnectorConfig config =
        config("dead", Map.of("couchbase.bucket", "b", "couchbase.nodes", "127.0.0.1:1"));
    long begun = System.nanoTime();
    routes.warmUp(TaskConfig.of(config).get(0), Duration.ofMillis(500));
    assertThat(Duration.ofNanos(System.nanoTime() - begun))
        .isBetween(Duration.ofMillis(500), Duration.ofSeconds(10));
  }

  private static String routeId(String connector) {
    return TaskConfig.of(config(connector, Map.of("couchbase.buckets", "travel"))).get(0).routeId();
  }

  private static Task start(String connector) {
    return start(
        TaskConfig.of(config(connector, Map.of("couchbase.buckets", "travel"))).get(0),
        new MemoryOffsetStore().of("connector"));
  }

  private static Task start(TaskConfig task, OffsetStore offsets) {
    try {
      return routes.start(task, offsets);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static ConnectorConfig config(String name, Map<String, String> more) {
    Map<String, String> properties = properties(name);
    properties.putAll(more);
    return ConnectorConfig.parse(properties);
  }

  private static Map<String, String> properties(String name) {
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("name", name);
    properties.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    properties.put("couchbase.nodes", sandbox.couchbaseAddress());
    properties.put("couchbase.username", "Administrator");
    properties.put("couchbase.password", "password");
    return properties;
  }
}
