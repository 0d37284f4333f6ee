// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.testkit.Program;
import dev.caravan.testkit.Topic;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The commands as a user runs them. */
class ProgramTest {
  private static final Pattern SANDBOX_READY =
      Pattern.compile("sandbox: ready couchbase=(\\S+:\\d+) kafka=(\\S+:\\d+)");

  @Test
  void theDemoFindsEveryDocumentInKafkaAndExits() {
    StringWriter out = new StringWriter();
    CommandLine command = Caravan.commandLine().setOut(new PrintWriter(out, true));

    int status = command.execute("demo", "--documents", "300", "--rate", "500", "--exit");

    assertThat(out.toString().lines().reduce((first, second) -> second))
        .contains("demo: documents=300 records=300 missing=0 duplicated=0");
    assertThat(status).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"at_least_once", "exactly_once"})
  void chaosEndsWithEveryDocumentInKafka(String guarantee) {
    StringWriter out = new StringWriter();
    CommandLine command = Caravan.commandLine().setOut(new PrintWriter(out, true));

    // A stalled network, a slow node, a connector with other tasks, and a worker cut off from
    // Kafka.
    int status = command.execute("chaos", "--seconds=10", "--seed=15", "--guarantee=" + guarantee);

    assertThat(status).as(out.toString()).isZero();
    assertThat(out.toString().lines().reduce((first, second) -> second).orElseThrow())
        .startsWith("chaos: faults=")
        .contains(" missing=0 ", " reordered=0 ", " unknown=0 ", " forbidden=0 ");
  }

  /** Two processes; the worker is stopped as a service manager would, and started again. */
  @Test
  void aWorkerThatIsStartedAgainGoesOnWhereItWas() throws Exception {
    try (Program sandbox =
        Program.start(
            "sandbox",
            "--kv-port",
            "0",
            "--kafka-port",
            "0",
            "--bucket",
            "travel",
            "--vbuckets",
            "64",
            "--documents",
            "200",
            "--size",
            "100")) {
      Matcher ready = sandbox.await(SANDBOX_READY);
      String[] worker = {
        "worker",
        "-brokers",
        ready.group(2),
        "-group",
        "g",
        "-configs",
        "c",
        "-offsets",
        "o",
        "-port",
        "0"
      };
      try (Topic topic = new Topic(ready.group(2), "copy-travel")) {
        try (Program first = Program.start(worker)) {
          TestRequests.create(
              first.await(Program.WORKER_READY).group(1),
              "copy",
              Map.of(
                  "connector.class",
                  "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector",
                  "topic",
                  "copy-",
                  "couchbase.nodes",
                  ready.group(1),
                  "couchbase.bucket",
                  "travel"));
          topic.awaitRecords(200);
          assertThat(first.stop()).as("the status after SIGTERM").isEqualTo(143);
        }
        try (Program second = Program.start(worker)) {
          String url = second.await(Program.WORKER_READY).group(1);
          Awaitility.await()
              .until(
                  () ->
                      TestRequests.get(url + "/connectors/copy/status")
                          .contains("\"id\":0,\"state\":\"RUNNING\""));
          assertThat(TestRequests.get(url + "/connectors")).isEqualTo("[\"copy\"]");
          List<ConsumerRecord<String, byte[]>> records = topic.read(Duration.ofSeconds(1));
          assertThat(records).as("nothing is sent again").hasSize(200);
        }
      }
    }
  }

  @Test
  void aSandboxOfSeveralNodesTakesCommands() throws Exception {
    try (Program sandbox =
        Program.start(
            "sandbox",
            "--kv-port=0",
            "--kafka-port=0",
            "--nodes=2",
            "--replicas=1",
            "--vbuckets=4",
            "--documents=10",
            "--admin-port=0")) {
      String admin =
          sandbox
              .await(
                  Pattern.compile(
                      "sandbox: ready couchbase=\\S+:\\d+,\\S+:\\d+ kafka=\\S+ admin=(http://\\S+:\\d+)"))
              .group(1);
      assertThat(TestRequests.get(admin + "/status")).contains("\"documents\":10");
      assertThat(TestRequests.get(admin + "/history").lines()).hasSize(10);
    }
  }

  @Test
  void aWorkerThatIsKilledLosesNoDocument(@TempDir Path directory) throws Exception {
    Path settings = directory.resolve("worker.properties");
    // The tasks of a worker that was killed must not wait long for the next one.
    Files.writeString(settings, "session.timeout.ms=6000\nheartbeat.interval.ms=200\n");
    int documents = 10_000;
    try (Program sandbox =
        Program.start(
            "sandbox",
            "--kv-port=0",
            "--kafka-port=0",
            "--bucket=orders",
            "--vbuckets=64",
            "--documents=" + documents,
            "--size=100")) {
      Matcher ready = sandbox.await(SANDBOX_READY);
      String[] worker = {
        "worker",
        settings.toString(),
        "-brokers",
        ready.group(2),
        "-group",
        "g",
        "-configs",
        "c",
        "-offsets",
        "o",
        "-port",
        "0"
      };
      try (Topic topic = new Topic(ready.group(2), "killed-orders")) {
        try (Program first = Program.start(worker)) {
          TestRequests.create(
              first.await(Program.WORKER_READY).group(1),
              "killed",
              Map.of(
                  "connector.class",
                  "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector",
                  "topic",
                  "killed-",
                  "couchbase.nodes",
                  ready.group(1),
                  "couchbase.bucket",
                  "orders",
                  "dcp.maximum.drainrate",
                  "3000"));
          topic.awaitRecords(documents / 3);
          first.kill();
        }
        try (Program second = Program.start(worker)) {
          second.await(Program.WORKER_READY);
          topic.awaitUntil(
              "every document",
              records -> records.stream().map(ConsumerRecord::key).distinct().count() == documents);
        }
      }
    }
  }

  @Test
  void aWrongOptionIsToldWithTheUsage() {
    StringWriter err = new StringWriter();
    CommandLine command = Caravan.commandLine().setErr(new PrintWriter(err, true));

    assertThat(command.execute("worker", "-brokr", "x", "-port", "one")).isEqualTo(2);
    assertThat(err.toString()).contains("'one'").contains("Usage: caravan worker");
  }

  @Test
  void aWorkerWithoutItsSettingsNamesAllThatAreMissing() {
    StringWriter err = new StringWriter();
    CommandLine command = Caravan.commandLine().setErr(new PrintWriter(err, true));

    assertThat(command.execute("worker")).isEqualTo(1);
    assertThat(err.toString()).contains("bootstrap.servers").contains("group.id");
  }
}
