// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.testkit.Topic;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.config.ConfigResource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code couchbase.stream.from} decides where a connector starts for the first time only. */
class StreamFromTest {
  private static final int DOCUMENTS = 2_000;
  private static final int MAX_MESSAGE_BYTES = 200_000;
  private static final Duration AT_MOST = Duration.ofSeconds(60);

  private static KafkaBroker kafka;
  private static CouchbaseNode node;

  private int large = 5;
  private String name;
  private Bucket bucket;
  private WorkerApplication worker;

  @BeforeAll
  static void startServers() throws Exception {
    kafka = KafkaBroker.start();
    node = CouchbaseNode.builder().vbuckets(16).start();
  }

  @AfterAll
  static void stopServers() {
    node.close();
    kafka.close();
  }

  @BeforeEach
  void start(TestInfo info) throws Exception {
    int hash = (info.getTestMethod() + info.getDisplayName()).hashCode();
    name = "from" + Math.floorMod(hash, 1_000_000);
    bucket = node.createBucket(name);
    worker = startWorker();
  }

  @AfterEach
  void stop() throws Exception {
    worker.close();
    node.dropBucket(name);
  }

  private WorkerApplication startWorker() throws Exception {
    return WorkerApplication.start(
        Map.of(
            "bootstrap.servers",
            kafka.bootstrapServers(),
            "group.id",
            name,
            "listeners",
            "http://127.0.0.1:0"));
  }

  /** SAVED_OFFSET_OR_NOW can lose documents only if the first transaction is the aborted one. */
  @ParameterizedTest
  @CsvSource({"NOW,1500,1", "SAVED_OFFSET_OR_NOW,5,1000"})
  void noDocumentIsMissingAfterATransactionWasAborted(String from, int tooLarge, String interval)
      throws Exception {
    bucket.load(100, 50);
    large = tooLarge;
    create(tolerant(from, interval), "exactly_once");
    awaitState("RUNNING");

    write(0, DOCUMENTS);

    try (Topic records = records()) {
      assertEachOnce(records, DOCUMENTS - 1);
    }
  }

  private static Map<String, String> tolerant(String from, String interval) {
    return Map.of(
        "couchbase.stream.from",
        from,
        "errors.tolerance",
        "all",
        "transaction.boundary.interval.ms",
        interval);
  }

  @Test
  void noDocumentIsThereTwiceAfterATransactionWasAborted() throws Exception {
    // After several transactions, so that there is something to repeat.
    large = 1500;
    write(0, DOCUMENTS);

    create(tolerant("BEGINNING", "1"), "exactly_once");

    try (Topic records = records()) {
      assertEachOnce(records, DOCUMENTS - 1);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "at_least_once,NOW",
    "exactly_once,NOW",
    "at_least_once,SAVED_OFFSET_OR_NOW",
  })
  void aTaskThatFailedAndAWorkerThatWasAwayMissNothing(String guarantee, String from)
      throws Exception {
    bucket.load(100, 50);
    create(
        Map.of("couchbase.stream.from", from, "errors.retry.delay.initial.ms", "100"), guarantee);
    awaitState("RUNNING");
    try (Topic records = records();
        Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
      write(0, 10);
      awaitState("FAILED");
      write(10, 20);
      admin
          .incrementalAlterConfigs(
              Map.of(
                  new ConfigResource(ConfigResource.Type.TOPIC, name + "-" + name),
                  List.of(
                      new AlterConfigOp(
                          new ConfigEntry("max.message.bytes", "1000000"),
                          AlterConfigOp.OpType.SET))))
          .all()
          .get();
      records.awaitUntil("all", all -> ids(all).containsAll(expected(0, 20)));

      worker.close();
      write(20, 30);
      worker = startWorker();

      records.awaitUntil("all", all -> ids(all).containsAll(expected(20, 30)));
    }
  }

  @Test
  void anEarlierOffsetDoesNotComeBackAfterBeginning() throws Exception {
    write(10, 30);
    create(Map.of(), "at_least_once");
    try (Topic records = records()) {
      records.awaitUntil("all", all -> all.size() == 20);
      create(Map.of("couchbase.stream.from", "BEGINNING"), "at_least_once");
      records.awaitUntil("all twice", all -> all.size() == 40);
      worker.close();
      worker = startWorker();
      awaitState("RUNNING");
      write(30, 31);
      records.awaitUntil("one more", all -> ids(all).contains("doc-30"));
      records.read(Duration.ofMillis(500));
      assertThat(records.records()).hasSize(41);
    }
  }

  private static List<String> expected(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> "doc-" + i).toList();
  }

  private static List<String> ids(List<ConsumerRecord<String, byte[]>> records) {
    return records.stream().map(ConsumerRecord::key).toList();
  }

  /** Writes documents, one of which is too large for the topic. */
  private void write(int from, int to) {
    byte[] random = new byte[2 * MAX_MESSAGE_BYTES];
    new Random(1).nextBytes(random);
    for (int i = from; i < to; i++) {
      bucket.upsert(
          "doc-" + i,
          i == large
              ? '"' + Base64.getEncoder().encodeToString(random) + '"'
              : Integer.toString(i));
    }
  }

  private Topic records() {
    return Topic.committed(kafka.bootstrapServers(), name + "-" + name);
  }

  private void assertEachOnce(Topic records, int count) {
    records.awaitUntil("every document", all -> ids(all).stream().distinct().count() == count);
    records.read(Duration.ofMillis(1500));
    assertThat(ids(records.records())).hasSize(count).doesNotContain("doc-" + large);
  }

  private void create(Map<String, String> options, String guarantee) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
      if (!admin.listTopics().names().get().contains(name + "-" + name)) {
        NewTopic topic =
            new NewTopic(name + "-" + name, 1, (short) 1)
                .configs(Map.of("max.message.bytes", Integer.toString(MAX_MESSAGE_BYTES)));
        admin.createTopics(List.of(topic)).all().get();
      }
    }
    Map<String, String> config = new HashMap<>(options);
    config.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    config.put("topic", name + "-");
    config.put("couchbase.nodes", node.host() + ":" + node.port());
    config.put("couchbase.bucket", name);
    config.put("couchbase.username", CouchbaseNode.ADMINISTRATOR);
    config.put("couchbase.password", CouchbaseNode.ADMINISTRATOR_PASSWORD);
    config.put("delivery.guarantee", guarantee);
    TestRequests.put(worker.url(), name, config);
  }

  private void awaitState(String state) {
    await()
        .atMost(AT_MOST)
        .ignoreExceptions()
        .until(
            () ->
                TestRequests.get(worker.url() + "/connectors/" + name + "/status")
                    .contains("\"id\":0,\"state\":\"" + state + "\""));
  }
}
