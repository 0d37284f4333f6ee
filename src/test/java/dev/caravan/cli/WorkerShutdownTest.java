// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.process.ChildProcess;
import dev.caravan.cli.process.ConnectClient;
import dev.caravan.cli.process.WorkerProcess;
import dev.caravan.sandbox.TcpProxy;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.testkit.Connectors;
import dev.caravan.testkit.TestProcesses;
import dev.caravan.testkit.Topic;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Workers that stop while Kafka does not respond. */
class WorkerShutdownTest {
  /** The longest time in which a worker stops. */
  private static final Duration AT_MOST = Duration.ofSeconds(25);

  @TempDir private Path directory;

  /** One worker can't connect to the broker. The other one is connected, and receives nothing. */
  @Test
  void workersStopInTimeWithoutKafkaAndLogWhatTheyGaveUp() throws Exception {
    try (TcpProxy refusing = new TcpProxy();
        TcpProxy stalled = new TcpProxy();
        KafkaBroker kafka =
            KafkaBroker.startBehind(List.of(refusing.address(), stalled.address()));
        CouchbaseNode node = CouchbaseNode.builder().vbuckets(8).bucket("travel").start()) {
      refusing.open("127.0.0.1", kafka.portBehind(0));
      stalled.open("127.0.0.1", kafka.portBehind(1));
      try (ChildProcess withoutBroker = start("refused", refusing.address());
          ChildProcess withoutAnswer = start("stalled", stalled.address());
          Topic topic = new Topic(kafka.bootstrapServers(), "copy-travel")) {
        withoutBroker.await(WorkerProcess.READY);
        new ConnectClient(withoutAnswer.await(WorkerProcess.READY).group(1))
            .create(
                "copy", Connectors.config("127.0.0.1:" + node.port(), "travel", "copy-", Map.of()));
        node.bucket("travel").upsert("before", "{}");
        topic.awaitRecords(1);
        refusing.goDown();
        stalled.stall();
        node.bucket("travel").upsert("meanwhile", "{}");

        CompletableFuture<Duration> first = stop(withoutBroker);
        assertThat(stop(withoutAnswer)).succeedsWithin(AT_MOST);
        assertThat(first).succeedsWithin(AT_MOST);

        assertThat(logOfStop("refused")).contains("The worker has stopped after ");
        assertThat(logOfStop("stalled"))
            .contains(
                "did not stop within ", " and is abandoned.", "The worker has stopped after ");
      }
    }
  }

  private ChildProcess start(String name, String brokers) throws Exception {
    return new ChildProcess(
        ChildProcess.builder(
                List.of("-Dcaravan.log.level=INFO", "-XX:TieredStopAtLevel=1"),
                "worker",
                "-brokers=" + brokers,
                "-group=" + name,
                "-port=0")
            .redirectError(directory.resolve(name).toFile())
            .start());
  }

  private static CompletableFuture<Duration> stop(ChildProcess worker) {
    return CompletableFuture.supplyAsync(
        () -> {
          long begun = System.nanoTime();
          try {
            assertThat(worker.stop())
                .as("the status after SIGTERM")
                .isEqualTo(TestProcesses.TERMINATED);
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          return Duration.ofNanos(System.nanoTime() - begun);
        });
  }

  private String logOfStop(String name) throws Exception {
    String log = Files.readString(directory.resolve(name));
    assertThat(log).contains("The worker stops");
    return log.substring(log.indexOf("The worker stops"));
  }
}
