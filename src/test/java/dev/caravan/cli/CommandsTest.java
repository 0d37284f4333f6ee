// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.process.ChildProcess;
import dev.caravan.cli.process.ConnectClient;
import dev.caravan.cli.process.WorkerProcess;
import dev.caravan.testkit.Connectors;
import dev.caravan.testkit.TestProcesses;
import dev.caravan.testkit.Topic;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** The commands as a user runs them. */
class CommandsTest {
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

  /** Runs two connectors of each guarantee. */
  @Test
  void chaosEndsWithEveryDocumentInKafka() {
    StringWriter out = new StringWriter();
    CommandLine command = Caravan.commandLine().setOut(new PrintWriter(out, true));

    // The seed gives a stalled network, a killed worker, a slow node, and a changed number of tasks
    // for a connector of each guarantee.
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
    assertThat(err.toString())
        .contains("--guarantee", "at_least_once", "exactly_once", "was 'twice'");
  }

  /** The worker is stopped as a service manager would, started again, killed, and started again. */
  @Test
  void aWorkerThatIsStoppedSendsNothingAgainAndOneThatIsKilledLosesNoDocument(
      @TempDir Path directory) throws Exception {
    String settings = TestProcesses.shortSession(directory, 6000);
    int documents = 10_000;
    try (ChildProcess sandbox =
        TestProcesses.start(
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
      WorkerProcess worker =
          new WorkerProcess(
              kafka, "g", TestProcesses.JAVA_OPTIONS, settings, "-configs=c", "-offsets=o");
      try (worker;
          Topic copy = new Topic(kafka, "copy-travel");
          Topic slow = new Topic(kafka, "slow-travel")) {
        worker.start();
        create(worker.rest(), "copy", couchbase, Map.of());
        copy.awaitRecords(documents);
        assertThat(worker.process().stop()).isEqualTo(TestProcesses.TERMINATED);

        worker.start();
        new Connectors(worker.rest()).awaitStates("copy", "RUNNING");
        assertThat(worker.rest().get("/connectors")).isEqualTo("[\"copy\"]");

        create(worker.rest(), "slow", couchbase, Map.of("dcp.maximum.drainrate", "3000"));
        slow.awaitRecords(documents / 3);
        worker.kill();

        worker.start();
        slow.awaitUntil(
            "every document",
            all -> all.stream().map(ConsumerRecord::key).distinct().count() == documents);
        assertThat(copy.readToEnd()).as("nothing is sent again").hasSize(documents);
      }
    }
  }

  private static void create(
      ConnectClient rest, String name, String couchbase, Map<String, String> options)
      throws Exception {
    Map<String, String> config = new HashMap<>(options);
    config.put("connector.class", "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector");
    config.put("topic", name + "-");
    config.put("couchbase.nodes", couchbase);
    config.put("couchbase.bucket", "travel");
    rest.create(name, config);
  }

  @Test
  void aSandboxOfSeveralNodesTakesCommands() throws Exception {
    try (ChildProcess sandbox =
        TestProcesses.start(
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
      ConnectClient http = new ConnectClient(admin);
      assertThat(http.get("/status")).contains("\"documents\":10");
      assertThat(http.get("/history").lines()).hasSize(10);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "demo, --documents, 1, 0",
    "demo, --rate, 0, -1",
    "sandbox, --documents, 0, -1",
    "chaos, --workers, 1, 0"
  })
  void anOptionBelowItsBoundIsRefused(String name, String option, int least, int value) {
    StringWriter err = new StringWriter();
    CommandLine command = Caravan.commandLine().setErr(new PrintWriter(err, true));

    assertThat(command.execute(name, option + "=" + value)).isEqualTo(2);
    assertThat(err.toString())
        .startsWith(option + " must be at least " + least + ", not \"" + value + "\".");
  }

  @Test
  void aWrongOptionIsReportedWithTheUsage() {
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
