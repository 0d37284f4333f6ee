// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.testkit.SandboxWorker;
import dev.caravan.testkit.SmallTopic;
import dev.caravan.testkit.Topic;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.config.ConfigResource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code couchbase.stream.from} decides where a connector starts for the first time only. */
class StreamFromTest {
  private static final int DOCUMENTS = 2_000;

  /** Enough documents for each vBucket. A repeated record would come before them. */
  private static final int MARKERS = 200;

  private static final String FAILED = "FAILED";
  private static final String RUNNING = "RUNNING";

  @RegisterExtension private static final SandboxWorker SANDBOX = new SandboxWorker(16);

  private int large = 5;

  /** The name of the test's connector and of its bucket. */
  private String name;

  private Bucket bucket;

  @BeforeEach
  void start(TestInfo info) throws Exception {
    int hash = (info.getTestMethod() + info.getDisplayName()).hashCode();
    name = "from" + Math.floorMod(hash, 1_000_000);
    bucket = SANDBOX.node().createBucket(name);
    SmallTopic.create(SANDBOX.brokers(), topic());
  }

  @AfterEach
  void stop() throws Exception {
    SANDBOX.rest().deleteIfExists(name);
    SANDBOX.node().dropBucket(name);
  }

  private String topic() {
    return name + "-" + name;
  }

  /** SAVED_OFFSET_OR_NOW can lose documents only if the first transaction is the aborted one. */
  @ParameterizedTest
  @CsvSource({"NOW,1500,1", "SAVED_OFFSET_OR_NOW,5,1000"})
  void noDocumentIsMissingAfterATransactionWasAborted(String from, int tooLarge, String interval)
      throws Exception {
    bucket.load(100, 50);
    large = tooLarge;
    create(tolerant(from, interval), "exactly_once");
    awaitState(RUNNING);

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
    // Several transactions precede it, so that there is something to repeat.
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
    awaitState(RUNNING);
    try (Topic records = records();
        Admin admin = Admin.create(Map.of("bootstrap.servers", SANDBOX.brokers()))) {
      write(0, 10);
      awaitState(FAILED);
      write(10, 20);
      admin
          .incrementalAlterConfigs(
              Map.of(
                  new ConfigResource(ConfigResource.Type.TOPIC, topic()),
                  List.of(
                      new AlterConfigOp(
                          new ConfigEntry("max.message.bytes", "1000000"),
                          AlterConfigOp.OpType.SET))))
          .all()
          .get();
      records.awaitUntil("all", all -> ids(all).containsAll(expected(0, 20)));

      SANDBOX.stopWorker();
      write(20, 30);
      SANDBOX.startWorker();

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
      SANDBOX.stopWorker();
      SANDBOX.startWorker();
      awaitState(RUNNING);
      write(30, 30 + MARKERS);
      records.awaitUntil("more", all -> ids(all).containsAll(expected(30, 30 + MARKERS)));
      assertThat(records.records()).hasSize(40 + MARKERS);
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
    for (int i = from; i < to; i++) {
      bucket.upsert("doc-" + i, i == large ? SmallTopic.tooLargeDocument() : Integer.toString(i));
    }
  }

  private Topic records() {
    return SANDBOX.committed(topic());
  }

  private void assertEachOnce(Topic records, int count) {
    records.awaitUntil("every document", all -> ids(all).stream().distinct().count() == count);
    write(DOCUMENTS, DOCUMENTS + MARKERS);
    records.awaitUntil(
        "more", all -> ids(all).containsAll(expected(DOCUMENTS, DOCUMENTS + MARKERS)));
    assertThat(ids(records.records())).hasSize(count + MARKERS).doesNotContain("doc-" + large);
  }

  private void create(Map<String, String> options, String guarantee) throws Exception {
    Map<String, String> all = new HashMap<>(options);
    all.put("delivery.guarantee", guarantee);
    SANDBOX.rest().put(name, SANDBOX.config(name, name, all));
  }

  private void awaitState(String state) {
    SANDBOX.connectors().awaitStates(name, state);
  }
}
