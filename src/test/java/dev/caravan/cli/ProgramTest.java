// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.testkit.Topic;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** The commands as a user runs them. */
class ProgramTest {
  private static final Pattern SANDBOX_READY =
      Pattern.compile("sandbox: ready couchbase=(\\S+:\\d+) kafka=(\\S+:\\d+)");
  private static final Pattern WORKER_READY = Pattern.compile("worker: ready (http://\\S+:\\d+)");

  @Test
  void theDemoFindsEveryDocumentInKafkaAndExits() {
    StringWriter out = new StringWriter();
    CommandLine command = Caravan.commandLine().setOut(new PrintWriter(out, true));

    int status = command.execute("demo", "--documents", "300", "--rate", "500", "--exit");

    assertThat(out.toString().lines().reduce((first, second) -> second))
        .contains("demo: documents=300 records=300 missing=0 duplicated=0");
    assertThat(status).isZero();
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
              first.await(WORKER_READY).group(1),
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
          String url = second.await(WORKER_READY).group(1);
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
  void aWorkerThatIsKilledLosesNoDocument() throws Exception {
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
              first.await(WORKER_READY).group(1),
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
          second.await(WORKER_READY);
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
    assertThat(err.toString())
        .contains("bootstrap.servers")
        .contains("group.id")
        .contains("config.storage.topic")
        .contains("offset.storage.topic");
  }

  /** A caravan command as a process of its own. */
  private static final class Program implements AutoCloseable {
    private final Process process;
    private final BufferedReader output;

    private Program(Process process) {
      this.process = process;
      this.output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
    }

    static Program start(String... arguments) throws IOException {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.add("-XX:TieredStopAtLevel=1");
      command.add("-Dcaravan.log.level=WARN");
      command.add("-cp");
      command.add(
          System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
      command.add(Caravan.class.getName());
      command.addAll(List.of(arguments));
      return new Program(
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start());
    }

    /** Reads what it prints until a line matches. */
    Matcher await(Pattern pattern) throws IOException {
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        Matcher matcher = pattern.matcher(line);
        if (matcher.matches()) {
          return matcher;
        }
      }
      throw new IOException("It ended without printing " + pattern);
    }

    /** Asks it to stop and returns its status. */
    int stop() throws InterruptedException {
      process.destroy();
      assertThat(process.waitFor(30, TimeUnit.SECONDS)).as("it stops within 30 s").isTrue();
      return process.exitValue();
    }

    /** Ends it as SIGKILL does, in the middle of whatever it is at. */
    void kill() {
      process.destroyForcibly();
    }

    @Override
    public void close() {
      kill();
    }
  }
}
