// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.cli.process.WorkerProcess;
import dev.caravan.sandbox.TcpProxy;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.testkit.Connectors;
import dev.caravan.testkit.TestProcesses;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A worker with a small heap, a backlog that is larger than the heap, and a broker that stops
 * responding.
 *
 * <p>{@code caravan.test.backlog.mib} and {@code caravan.test.stall.seconds} set the size of the
 * backlog and the duration. The backlog is in the memory of the tests: 10240 needs {@code
 * -DargLine=-Xmx13g}.
 */
class StalledBrokerTest {
  private static final int MIB = 1024 * 1024;
  private static final int BACKLOG = Integer.getInteger("caravan.test.backlog.mib", 300);

  /** A record is smaller than a topic's default limit. */
  private static final int DOCUMENT_SIZE = MIB / 8;

  private static final int DOCUMENTS = BACKLOG * (MIB / DOCUMENT_SIZE);

  private static final Duration STALL =
      Duration.ofSeconds(Integer.getInteger("caravan.test.stall.seconds", 2));

  /** The limit of bytes from Couchbase that are not in Kafka, less than the heap. */
  private static final long BOUND = 64L * MIB;

  private static final Duration AT_MOST = Duration.ofSeconds(60).plusSeconds(BACKLOG / 10);

  private static SandboxCouchbase couchbase;
  private static TcpProxy toCouchbase;
  private static TcpProxy toKafka;
  private static KafkaBroker kafka;

  @BeforeAll
  static void start() throws Exception {
    couchbase =
        new SandboxCouchbase(CouchbaseNode.builder().vbuckets(128).bucket("contract").start());
    couchbase.node().bucket(couchbase.bucket()).load(DOCUMENTS, DOCUMENT_SIZE);
    toCouchbase = new TcpProxy(ClusterMapFilter::new).open(couchbase.host(), couchbase.port());
    toKafka = new TcpProxy();
    kafka =
        KafkaBroker.start(
            "127.0.0.1", 0, Map.of("advertised.listeners", "PLAINTEXT://" + toKafka.address()));
    toKafka.open("127.0.0.1", Integer.parseInt(kafka.bootstrapServers().split(":")[1]));
  }

  @AfterAll
  static void stop() {
    toCouchbase.close();
    toKafka.close();
    kafka.close();
    couchbase.close();
  }

  /** With 4 tasks, windows of the default size would exceed the memory budget. */
  @ParameterizedTest(name = "with a buffer size of {0} and {1} tasks")
  @CsvSource({"0, 1", "default, 4"})
  void theWorkerStaysUpAndGoesOnWhenKafkaDoes(String bufferSize, int tasks) throws Exception {
    String name = "buffer-" + bufferSize + "-";
    try (WorkerProcess worker =
        TestProcesses.startWorker(
            WorkerProcess.javaOptions("256m", "WARN"),
            toKafka.address(),
            name,
            "-configs=" + name + "configs",
            "-offsets=" + name + "offsets")) {
      Connectors connectors = Connectors.ofPromptWorker(worker.rest().url());
      long before = toCouchbase.bytesFromServer();
      Map<String, String> options = new HashMap<>(bufferSizeOption(bufferSize));
      options.put("tasks.max", Integer.toString(tasks));
      connectors.create(name, couchbase.connector(name, toCouchbase.address(), options));
      await().atMost(AT_MOST).until(() -> toCouchbase.bytesFromServer() - before > BOUND);

      toKafka.stall();
      long atStall = toCouchbase.bytesFromServer();
      Stillness stillness = new Stillness();
      await()
          .atMost(AT_MOST)
          .until(
              () -> {
                assertThat(worker.process().isAlive()).isTrue();
                // A stall that is longer than the session timeout takes the task from the worker.
                assertThat(connectors.taskStates(name)).doesNotContain("FAILED");
                return stillness.lastsFor(STALL);
              });
      // The node may exceed the window of each task by one document.
      assertThat(toCouchbase.bytesFromServer() - atStall)
          .isLessThan(BOUND + (long) tasks * DOCUMENT_SIZE);

      toKafka.resume();
      awaitEveryDocument(name + couchbase.bucket());
      assertThat(connectors.taskStates(name)).containsOnly("RUNNING");
      assertThat(worker.process().stop()).isEqualTo(TestProcesses.TERMINATED);
    }
  }

  private static Map<String, String> bufferSizeOption(String size) {
    return size.equals("default") ? Map.of() : Map.of("couchbase.dcpConnectionBufferSize", size);
  }

  /** Detects that Couchbase sends nothing but keep-alive messages. */
  private static final class Stillness {
    private static final int KEEP_ALIVE = 64 * 1024;

    private long bytes = toCouchbase.bytesFromServer();
    private long since = System.nanoTime();

    boolean lastsFor(Duration duration) {
      long now = toCouchbase.bytesFromServer();
      if (now - bytes > KEEP_ALIVE) {
        bytes = now;
        since = System.nanoTime();
      }
      return System.nanoTime() - since > duration.toNanos();
    }
  }

  /** Keeps only the ids, because the records are large. */
  private static void awaitEveryDocument(String topic) {
    Set<String> ids = new HashSet<>();
    try (KafkaConsumer<String, byte[]> consumer =
        new KafkaConsumer<>(
            Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                toKafka.address(),
                ConsumerConfig.GROUP_ID_CONFIG,
                topic,
                ConsumerConfig.AUTO_OFFSET_RESET_CONFIG,
                "earliest"),
            new StringDeserializer(),
            new ByteArrayDeserializer())) {
      consumer.subscribe(Set.of(topic));
      await()
          .atMost(AT_MOST)
          .pollInterval(Duration.ofMillis(1))
          .until(
              () -> {
                consumer.poll(Duration.ofMillis(200)).forEach(record -> ids.add(record.key()));
                return ids.size() == DOCUMENTS;
              });
    }
  }
}
