// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.sandbox.KafkaBroker;
import dev.caravan.sandbox.Sandbox;
import dev.caravan.sandbox.TcpProxy;
import dev.caravan.testkit.Program;
import dev.caravan.testkit.Topic;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A worker that is asked to stop while Kafka does not answer. */
class StopTest {
  private static final Duration AT_MOST = Duration.ofSeconds(25);

  @TempDir private Path directory;

  @Test
  void whileTheBrokerIsDownAWorkerStopsSoonAndLogsHow() throws Exception {
    try (KafkaBroker kafka = KafkaBroker.start();
        Program worker = start(kafka.bootstrapServers())) {
      worker.await(Program.WORKER_READY);
      kafka.stop();
      assertThat(stop(worker)).isLessThan(Duration.ofSeconds(12));
      assertThat(log()).contains("The worker stops", "The worker has stopped after ");
    }
  }

  @Test
  void whatIsOnItsWayToAStalledKafkaIsGivenUpInTimeAndTheLogSaysSo() throws Exception {
    try (Sandbox sandbox = Sandbox.builder().vbuckets(8).buckets(List.of("travel")).start();
        TcpProxy toKafka = new TcpProxy();
        KafkaBroker kafka =
            KafkaBroker.start(
                "127.0.0.1",
                0,
                Map.of("advertised.listeners", "PLAINTEXT://" + toKafka.address()))) {
      toKafka.open("127.0.0.1", Integer.parseInt(kafka.bootstrapServers().split(":")[1]));
      try (Program worker = start(toKafka.address());
          Topic topic = new Topic(toKafka.address(), "copy-travel")) {
        String url = worker.await(Program.WORKER_READY).group(1);
        TestRequests.create(
            url,
            "copy",
            Map.of(
                "connector.class", "dev.caravan.CouchbaseSourceConnector",
                "topic", "copy-",
                "couchbase.nodes", sandbox.couchbaseAddress(),
                "couchbase.bucket", "travel"));
        sandbox.couchbase().bucket("travel").upsert("before", "{}");
        topic.awaitRecords(1);
        toKafka.stall();
        long before = toKafka.bytesFromServer();
        sandbox.couchbase().bucket("travel").upsert("meanwhile", "{}");
        await().until(() -> toKafka.bytesFromServer() >= before);
        assertThat(stop(worker)).isLessThan(AT_MOST);
        assertThat(log()).contains("The worker stops", "given up", "The worker has stopped after ");
      }
    }
  }

  private Program start(String brokers) throws Exception {
    Path settings =
        Files.writeString(
            directory.resolve("worker.properties"),
            "session.timeout.ms=6000\nheartbeat.interval.ms=500\n");
    return Program.start(
        ProcessBuilder.Redirect.to(directory.resolve("log").toFile()),
        List.of("-XX:TieredStopAtLevel=1", "-Dcaravan.log.level=INFO"),
        "worker",
        "-brokers=" + brokers,
        "-group=stop",
        "-port=0",
        settings.toString());
  }

  private static Duration stop(Program worker) throws Exception {
    long begun = System.nanoTime();
    assertThat(worker.stop()).as("the status after SIGTERM").isEqualTo(143);
    return Duration.ofNanos(System.nanoTime() - begun);
  }

  private String log() throws Exception {
    String log = Files.readString(directory.resolve("log"));
    return log.substring(Math.max(0, log.indexOf("The worker stops")));
  }
}
