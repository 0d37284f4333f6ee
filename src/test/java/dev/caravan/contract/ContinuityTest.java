// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.cli.process.WorkerProcess;
import dev.caravan.sandbox.TcpProxy;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.testkit.Connectors;
import dev.caravan.testkit.TestProcesses;
import dev.caravan.testkit.Topic;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The gaps in the records of vBuckets are short, whatever happens to the workers. */
class ContinuityTest {
  private static final String NAME = "continuous-";
  private static final int DOCUMENTS_PER_SECOND = 400;
  private static final int VBUCKETS = 64;
  private static final int SESSION_MILLIS = 6000;
  private static final Duration AT_MOST = Duration.ofSeconds(60);

  @TempDir private Path directory;
  private final AtomicInteger written = new AtomicInteger();
  private ScheduledExecutorService writer;
  private SandboxCouchbase couchbase;
  private KafkaBroker kafka;

  @BeforeEach
  void start() throws Exception {
    couchbase = SandboxCouchbase.start();
    kafka = KafkaBroker.start();
    Bucket bucket = couchbase.node().bucket(couchbase.bucket());
    writer = Executors.newSingleThreadScheduledExecutor();
    writer.scheduleAtFixedRate(
        () -> bucket.upsert("doc-" + written.incrementAndGet(), "{}"),
        0,
        1_000_000 / DOCUMENTS_PER_SECOND,
        TimeUnit.MICROSECONDS);
  }

  @AfterEach
  void stop() {
    writer.shutdownNow();
    kafka.close();
    couchbase.close();
  }

  private WorkerProcess startWorker() throws Exception {
    return TestProcesses.startWorker(
        kafka.bootstrapServers(),
        "continuity",
        TestProcesses.shortSession(directory, SESSION_MILLIS));
  }

  @Test
  void aWorkerThatIsStoppedIsReplacedWithinTwoSecondsAndOneThatIsKilledAfterItsSession()
      throws Exception {
    try (WorkerProcess one = startWorker();
        Topic records = new Topic(kafka.bootstrapServers(), NAME + couchbase.bucket())) {
      Connectors connectors = Connectors.ofPromptWorker(one.rest().url());
      create(connectors, NAME);
      records.awaitRecords(1);

      try (WorkerProcess other = startWorker()) {
        awaitWorkers(connectors, 2);
        awaitMore(records);
        long stopped = System.currentTimeMillis();
        assertThat(other.process().stop()).isEqualTo(TestProcesses.TERMINATED);
        awaitWorkers(connectors, 1);
        awaitMore(records);
        assertThat(gap(records, stopped, stopped + 1000)).isLessThan(2000);
      }

      try (WorkerProcess other = startWorker()) {
        awaitWorkers(connectors, 2);
        awaitMore(records);
        long killed = System.currentTimeMillis();
        other.kill();
        awaitWorkers(connectors, 1);
        awaitMore(records);
        assertThat(gap(records, killed, killed + 1000)).isLessThan(SESSION_MILLIS + 3000);
      }

      writer.shutdown();
      assertThat(writer.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
      records.awaitUntil(
          "every document",
          read -> read.stream().map(ConsumerRecord::key).distinct().count() == written.get());
    }
  }

  @Test
  void connectorsOfACouchbaseThatIsDeadOrRefusesDisturbNoOther() throws Exception {
    try (TcpProxy dead = new TcpProxy(ClusterMapFilter::new);
        WorkerProcess worker = startWorker();
        Topic records = new Topic(kafka.bootstrapServers(), NAME + couchbase.bucket())) {
      dead.open(couchbase.host(), couchbase.port());
      dead.stall();
      Connectors connectors = Connectors.ofPromptWorker(worker.rest().url());
      create(connectors, NAME);
      awaitMore(records);
      long start = System.currentTimeMillis();

      for (int i = 0; i < 3; i++) {
        connectors.create("dead-" + i, couchbase.connector("dead-" + i, dead.address(), Map.of()));
        connectors.create(
            "refused-" + i,
            couchbase.connector(
                "refused-" + i,
                couchbase.address(),
                Map.of("couchbase.username", "nobody", "errors.retry.delay.max.ms", "100")));
      }
      create(connectors, "after-");
      awaitRunning(connectors, "after-");
      for (int i = 0; i < 3; i++) {
        connectors.delete("dead-" + i);
        connectors.delete("refused-" + i);
      }
      create(connectors, "last-");
      awaitRunning(connectors, "last-");

      awaitMore(records);
      assertThat(gap(records, start, System.currentTimeMillis())).isLessThan(SESSION_MILLIS);
    }
  }

  @Test
  void aThousandRequestsDisturbNobody() throws Exception {
    try (WorkerProcess worker = startWorker();
        Topic records = new Topic(kafka.bootstrapServers(), NAME + couchbase.bucket())) {
      Connectors connectors = Connectors.ofPromptWorker(worker.rest().url());
      create(connectors, NAME);
      awaitMore(records);
      long start = System.currentTimeMillis();

      ExecutorService clients = Executors.newFixedThreadPool(20);
      List<Future<?>> requests = new ArrayList<>();
      for (int i = 0; i < 1000; i++) {
        int number = i;
        requests.add(
            clients.submit(
                () -> {
                  if (number % 50 == 0) {
                    create(connectors, "other-" + number);
                    connectors.delete("other-" + number);
                  }
                  return connectors.taskStates(NAME);
                }));
      }
      for (Future<?> request : requests) {
        request.get();
      }
      clients.shutdown();

      awaitMore(records);
      assertThat(gap(records, start, System.currentTimeMillis())).isLessThan(SESSION_MILLIS);
      assertThat(connectors.taskStates(NAME)).containsExactly("RUNNING", "RUNNING");
    }
  }

  private void create(Connectors connectors, String name) throws Exception {
    connectors.create(
        name,
        couchbase.connector(
            name, couchbase.address(), Map.of("tasks.max", "2", "couchbase.headers", "partition")));
  }

  private static void awaitRunning(Connectors connectors, String name) {
    await()
        .atMost(Duration.ofSeconds(10))
        .until(() -> connectors.taskStates(name).equals(List.of("RUNNING", "RUNNING")));
  }

  private static void awaitWorkers(Connectors connectors, int count) {
    await()
        .atMost(AT_MOST)
        .until(
            () ->
                Set.copyOf(connectors.taskWorkers(NAME)).size() == count
                    && connectors.taskStates(NAME).equals(List.of("RUNNING", "RUNNING")));
  }

  /** Waits until each vBucket has a record with a timestamp after now. */
  private void awaitMore(Topic records) {
    long now = System.currentTimeMillis();
    records.awaitUntil(
        "more of each vBucket",
        read -> {
          Map<String, Long> latest = new HashMap<>();
          read.forEach(record -> latest.merge(vbucket(record), record.timestamp(), Math::max));
          return latest.size() == VBUCKETS && latest.values().stream().allMatch(time -> time > now);
        });
  }

  /** The longest time between two records of a vBucket that overlaps this period. */
  private static long gap(Topic records, long from, long to) {
    Map<String, Long> last = new HashMap<>();
    long longest = 0;
    List<ConsumerRecord<String, byte[]>> inTime =
        records.records().stream()
            .sorted(Comparator.comparingLong(ConsumerRecord::timestamp))
            .toList();
    for (ConsumerRecord<String, byte[]> record : inTime) {
      Long before = last.put(vbucket(record), record.timestamp());
      if (before != null && before < to && record.timestamp() > from) {
        longest = Math.max(longest, record.timestamp() - before);
      }
    }
    assertThat(last).hasSize(VBUCKETS);
    assertThat(longest).as("the longest gap in that time").isPositive();
    return longest;
  }

  private static String vbucket(ConsumerRecord<String, byte[]> record) {
    return new String(record.headers().lastHeader("couchbase.partition").value(), UTF_8);
  }
}
