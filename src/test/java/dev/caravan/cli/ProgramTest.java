// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.process.TestRequests;
import dev.caravan.testkit.Program;
import dev.caravan.testkit.Topic;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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

  /** Both guarantees, each with two kinds of connectors, go through the same. */
  @Test
  void chaosEndsWithEveryDocumentInKafka() {
    StringWriter out = new StringWriter();
    CommandLine command = Caravan.commandLine().setOut(new PrintWriter(out, true));

    // A stalled network, a killed worker, a slow node, and a connector of each guarantee with other
    // tasks.
    int status = command.execute("chaos", "--seconds=15", "--seed=87583");

    assertThat(status).as(out.toString()).isZero();
    assertThat(out.toString().lines().reduce((first, second) -> second).orElseThrow())
        .startsWith("chaos: faults=")
        .contains(" missing=0 ", " reordered=0 ", " unknown=0 ", " forbidden=0 ");
  }

  @Test
  void chaosRefusesAnUnknownGuarantee() {
    StringWriter err = new StringWriter();
    CommandLine command = Caravan.commandLine().setErr(new PrintWriter(err, true));

    assertThat(command.execute("chaos", "--guarantee=twice")).isEqualTo(2);
    assertThat(err.toString()).contains("at_least_once or exactly_once, not 'twice'");
  }

  /**
   * Processes of their own: the worker is stopped as a service manager would, started again,
   * killed, and replaced.
   */
  @Test
  void aWorkerThatIsStoppedSendsNothingAgainAndOneThatIsKilledLosesNoDocument(
      @TempDir Path directory) throws Exception {
    Path settings = directory.resolve("worker.properties");
    // The tasks of a worker that was killed must not wait long for the next one.
    Files.writeString(settings, "session.timeout.ms=6000\nheartbeat.interval.ms=200\n");
    int documents = 10_000;
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
            Integer.toString(documents),
            "--size",
            "100")) {
      Matcher ready = sandbox.await(SANDBOX_READY);
      String couchbase = ready.group(1);
      String kafka = ready.group(2);
      String[] worker = {
        "worker",
        settings.toString(),
        "-brokers",
        kafka,
        "-group",
        "g",
        "-configs",
        "c",
        "-offsets",
        "o",
        "-port",
        "0"
      };
      try (Topic copy = new Topic(kafka, "copy-travel");
          Topic slow = new Topic(kafka, "slow-travel")) {
        try (Program first = Program.start(worker)) {
          create(first.await(Program.WORKER_READY).group(1), "copy", couchbase, Map.of());
          copy.awaitRecords(documents);
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
          List<ConsumerRecord<String, byte[]>> records = copy.read(Duration.ofSeconds(1));
          assertThat(records).as("nothing is sent again").hasSize(documents);

          create(url, "slow", couchbase, Map.of("dcp.maximum.drainrate", "3000"));
          slow.awaitRecords(documents / 3);
          second.kill();
        }
        try (Program third = Program.start(worker)) {
          third.await(Program.WORKER_READY);
          slow.awaitUntil(
              "every document",
              records -> records.stream().map(ConsumerRecord::key).distinct().count() == documents);
        }
      }
    }
  }

  private static void create(String url, String name, String couchbase, Map<String, String> options)
      throws Exception {
    Map<String, String> config = new HashMap<>(options);
    config.put("connector.class", "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector");
    config.put("topic", name + "-");
    config.put("couchbase.nodes", couchbase);
    config.put("couchbase.bucket", "travel");
    TestRequests.create(url, name, config);
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
                      "sandbox: ready couchbase=\\S+:\\d+,\\S+:\\d+ kafka=\\S+"
                          + " admin=(http://\\S+:\\d+)"))
              .group(1);
      assertThat(TestRequests.get(admin + "/status")).contains("\"documents\":10");
      assertThat(TestRequests.get(admin + "/history").lines()).hasSize(10);
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
