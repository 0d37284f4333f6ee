// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.cli.process.WorkerProcess;
import dev.caravan.sandbox.TcpProxy;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.testkit.Connectors;
import dev.caravan.testkit.TestProcesses;
import dev.caravan.testkit.Topic;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.protocol.ApiKeys;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The committed records of a connector with exactly_once, in spite of faults. */
class ExactlyOnceTest {
  private static final int DOCUMENTS = 6_000;
  private static final int MARKERS = 500;
  private static final String NAME = "exactly-";
  private static final Duration AT_MOST = Duration.ofSeconds(60);
  private static final String OFFSETS = "exactly-offsets";

  private final KafkaRequestFault faults = new KafkaRequestFault();
  @TempDir private Path directory;
  private SandboxCouchbase couchbase;
  private KafkaBroker kafka;
  private TcpProxy proxy;

  @BeforeEach
  void start() throws Exception {
    couchbase = SandboxCouchbase.start();
    couchbase.node().bucket(couchbase.bucket()).load(DOCUMENTS, 100);
    proxy = new TcpProxy(faults);
    kafka =
        KafkaBroker.start(
            "127.0.0.1",
            0,
            Map.of(
                "advertised.listeners",
                "PLAINTEXT://" + proxy.address(),
                "transaction.abort.timed.out.transaction.cleanup.interval.ms",
                "500",
                "group.min.session.timeout.ms",
                "1000"));
    proxy.open("127.0.0.1", Integer.parseInt(kafka.bootstrapServers().split(":")[1]));
  }

  @AfterEach
  void stop() {
    proxy.close();
    kafka.close();
    couchbase.close();
  }

  @Test
  void noRecordIsMissingOrThereTwiceAtWhateverPointTheWorkerDies() throws Exception {
    String topic = NAME + couchbase.bucket();
    WorkerProcess worker = startWorker();
    create(Connectors.ofPromptWorker(worker.rest().url()), "2000");
    try (Topic records = Topic.committed(kafka.bootstrapServers(), topic)) {
      records.awaitRecords(1);
      worker = killedAt(worker, "send", true, ApiKeys.PRODUCE, topic);
      worker = killedAt(worker, "flush", false, ApiKeys.PRODUCE, topic);
      worker = killedAt(worker, "offsets", true, ApiKeys.PRODUCE, OFFSETS);
      worker = killedAt(worker, "commit", true, ApiKeys.END_TXN, "");
      worker = killedAt(worker, "its response", false, ApiKeys.END_TXN, "");
      assertEachOnce(records);
    } finally {
      worker.close();
    }
  }

  @Test
  void aWorkerThatWasSuspendedFindsItsTaskTakenAndLeavesItThere() throws Exception {
    String topic = NAME + couchbase.bucket();
    try (WorkerProcess older = startWorker();
        Topic records = Topic.committed(kafka.bootstrapServers(), topic)) {
      Connectors olderConnectors = Connectors.ofPromptWorker(older.rest().url());
      create(olderConnectors, "1000");
      records.awaitRecords(1);
      try (WorkerProcess newer = startWorker()) {
        Connectors newerConnectors = Connectors.ofPromptWorker(newer.rest().url());
        newerConnectors.awaitStates(NAME, "RUNNING");
        String olderId = newerConnectors.taskWorker(NAME);
        older.process().suspend();
        await()
            .atMost(AT_MOST)
            .until(
                () ->
                    newerConnectors.taskState(NAME).equals("RUNNING")
                        && !newerConnectors.taskWorker(NAME).equals(olderId));
        older.process().resume();
        await()
            .atMost(AT_MOST)
            .untilAsserted(
                () -> {
                  assertThat(olderConnectors.taskWorker(NAME))
                      .isEqualTo(newerConnectors.taskWorker(NAME))
                      .isNotEqualTo(olderId);
                  assertThat(olderConnectors.taskState(NAME)).isEqualTo("RUNNING");
                });
        assertEachOnce(records);
        assertThat(newerConnectors.taskWorker(NAME)).isNotEqualTo(olderId);
      }
    }
  }

  @Test
  void aTransactionThatKafkaAbortedIsDoneAgain() throws Exception {
    String topic = NAME + couchbase.bucket();
    try (WorkerProcess worker = startWorker();
        Topic records = Topic.committed(kafka.bootstrapServers(), topic);
        Admin admin =
            Admin.create(
                Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, kafka.bootstrapServers()))) {
      Connectors connectors = Connectors.ofPromptWorker(worker.rest().url());
      create(connectors, "2000");
      records.awaitRecords(1);
      CountDownLatch suspended = faults.before(ApiKeys.END_TXN, "", worker.process()::suspend);
      assertThat(KafkaRequestFault.await(suspended)).isTrue();
      await()
          .atMost(AT_MOST)
          .until(
              () ->
                  admin.listTransactions().all().get().stream()
                      .anyMatch(listed -> listed.state() == TransactionState.COMPLETE_ABORT));
      worker.process().resume();
      assertEachOnce(records);
      assertThat(connectors.taskState(NAME)).isEqualTo("RUNNING");
    }
  }

  /** Kills the worker at a point and starts another one. */
  private WorkerProcess killedAt(
      WorkerProcess worker, String point, boolean before, ApiKeys request, String mention)
      throws Exception {
    CountDownLatch done =
        before
            ? faults.before(request, mention, worker.process()::kill)
            : faults.after(request, mention, worker.process()::kill);
    assertThat(KafkaRequestFault.await(done)).as("the worker got to the point: " + point).isTrue();
    worker.close();
    return startWorker();
  }

  private WorkerProcess startWorker() throws Exception {
    return TestProcesses.startWorker(
        proxy.address(), "exactly", TestProcesses.shortSession(directory, 2000));
  }

  private void create(Connectors connectors, String rate) throws Exception {
    connectors.create(
        NAME,
        couchbase.connector(
            NAME,
            couchbase.address(),
            Map.of(
                "delivery.guarantee",
                "exactly_once",
                "transaction.boundary.interval.ms",
                "100",
                "dcp.maximum.drainrate",
                rate)));
  }

  /** Each document was written once, so it must have one record. */
  private void assertEachOnce(Topic topic) {
    topic.awaitUntil(
        "every document",
        all -> all.stream().map(ConsumerRecord::key).distinct().count() == DOCUMENTS);
    // Enough documents for each vBucket: a repeated record would come before them.
    for (int i = 0; i < MARKERS; i++) {
      couchbase.node().bucket(couchbase.bucket()).upsert("marker-" + i, "{}");
    }
    topic.awaitUntil(
        "the markers",
        all ->
            all.stream().map(ConsumerRecord::key).filter(id -> id.startsWith("marker-")).count()
                == MARKERS);
    assertThat(topic.records()).hasSize(DOCUMENTS + MARKERS);
  }
}
