// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.demo;

import dev.caravan.cli.process.ConnectClient;
import dev.caravan.cli.process.OptionCheck;
import dev.caravan.cli.process.ShutdownHook;
import dev.caravan.cli.process.TopicCreator;
import dev.caravan.cli.process.WorkerApplication;
import dev.caravan.sandbox.Sandbox;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.NewTopic;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code caravan demo}: copies documents from the sandbox to Kafka and audits the records. */
@Command(
    name = "demo",
    description = {
      "Starts a sandbox and a worker, creates a connector over REST, writes documents to Couchbase,"
          + " and checks that each document is in Kafka."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:each document is in Kafka once, as it was written",
      "1:a document is missing, duplicated or wrong, as the output reports"
    })
public final class DemoCommand implements Callable<Integer> {
  private static final String GROUP = "demo";
  private static final String CONNECTOR = "demo";
  private static final String BUCKET = "orders";
  private static final String TOPIC_PREFIX = "demo-";
  private static final String USERNAME = "Administrator";
  private static final String PASSWORD = "password";

  /** The only port of a Couchbase node that camel-couchbase connects to. */
  private static final int KV_PORT = 11210;

  private static final Duration STALLED = Duration.ofSeconds(60);

  @Spec private CommandSpec spec;

  @Option(
      names = "--documents",
      paramLabel = "N",
      defaultValue = "10000",
      description = "The number of documents to write (default: ${DEFAULT-VALUE}).")
  private int documents;

  @Option(
      names = "--rate",
      paramLabel = "R",
      defaultValue = "0",
      description =
          "The connector's maximum drain rate in documents per second, 0 for no limit (default:"
              + " 0).")
  private int rate;

  @Option(
      names = "--exit",
      description = "Exit after the audit. Without it, everything stays up to be played with.")
  private boolean exit;

  @Override
  public Integer call() throws Exception {
    OptionCheck.requireAtLeast(spec, "--documents", 1, documents);
    OptionCheck.requireAtLeast(spec, "--rate", 0, rate);
    // Only the demo's own lines, and warnings.
    System.getProperties().putIfAbsent("caravan.log.level", "WARN");
    // The client of camel-couchbase stays connected and logs warnings when the node stops.
    System.getProperties().putIfAbsent("caravan.log.libraries", "ERROR");
    // The writer starts first, because its client opens the bucket in the background. A write
    // before
    // that waits for 5 s.
    try (Sandbox sandbox = startSandbox();
        DemoWriter writer = new DemoWriter(sandbox.couchbaseHost(), BUCKET, USERNAME, PASSWORD);
        WorkerApplication worker =
            WorkerApplication.startLocal(sandbox.kafkaAddress(), GROUP, Map.of())) {
      TopicCreator.create(
          sandbox.kafkaAddress(), List.of(new NewTopic(TOPIC_PREFIX + BUCKET, 4, (short) 1)));
      say("demo: couchbase=%s kafka=%s", sandbox.couchbaseAddress(), sandbox.kafkaAddress());
      say("demo: worker=%s", worker.url());
      createConnector(worker.url(), sandbox);
      boolean complete = writeAndAudit(sandbox, writer);
      if (!exit) {
        stayUp(sandbox, worker);
      }
      return complete ? 0 : 1;
    }
  }

  private static Sandbox startSandbox() throws IOException {
    return Sandbox.builder()
        .host(freeHost())
        .kvPort(KV_PORT)
        .kafkaPort(0)
        .buckets(List.of(BUCKET))
        .start();
  }

  /** A loopback address whose KV port is free. */
  private static String freeHost() throws IOException {
    IOException failure = null;
    for (int i = 1; i <= 8; i++) {
      String host = "127.0.0." + i;
      try (ServerSocket socket = new ServerSocket()) {
        socket.setReuseAddress(true);
        socket.bind(new InetSocketAddress(host, KV_PORT));
        return host;
      } catch (IOException e) {
        failure = e;
      }
    }
    throw new IOException(
        "Port \""
            + KV_PORT
            + "\" is in use on all loopback addresses that the demo tries. Stop the program that"
            + " listens there, such as a Couchbase server or another demo.",
        failure);
  }

  private void createConnector(String url, Sandbox sandbox) throws Exception {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("connector.class", "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector");
    config.put("topic", TOPIC_PREFIX);
    config.put("schema.name", "orders");
    config.put("couchbase.nodes", sandbox.couchbaseAddress());
    config.put("couchbase.bucket", BUCKET);
    config.put("couchbase.username", USERNAME);
    config.put("couchbase.password", PASSWORD);
    config.put("tasks.max", "1");
    if (rate > 0) {
      config.put("dcp.maximum.drainrate", Integer.toString(rate));
    }
    new ConnectClient(url).create(CONNECTOR, config);
    say("demo: POST /connectors -> 201, connector %s", CONNECTOR);
  }

  private boolean writeAndAudit(Sandbox sandbox, DemoWriter writer) throws Exception {
    try (TopicAudit audit =
        new TopicAudit(sandbox.kafkaAddress(), TOPIC_PREFIX + BUCKET, documents)) {
      CompletableFuture<Void> writing = writer.write(documents);
      follow(writer, writing, audit);
      writing.get(1, TimeUnit.SECONDS);
      // A record that was sent twice would follow now.
      int more;
      do {
        more = audit.read(Duration.ofSeconds(1));
      } while (more > 0);
      boolean complete = audit.missing() == 0 && audit.duplicated() == 0;
      if (audit.missing() > 0) {
        say("demo: not in Kafka as written, for example: %s", audit.someMissing(10));
      }
      say(
          "demo: documents=%d records=%d missing=%d duplicated=%d",
          documents, audit.records(), audit.missing(), audit.duplicated());
      return complete;
    }
  }

  /** Prints the progress each second until all documents are in Kafka or no record arrives. */
  private void follow(DemoWriter writer, CompletableFuture<Void> writing, TopicAudit audit) {
    long start = System.nanoTime();
    long lastLine = start;
    long lastProgress = start;
    long recordsAtLastLine = 0;
    while (audit.missing() > 0 && !writing.isCompletedExceptionally()) {
      int read = audit.read(Duration.ofMillis(100));
      long now = System.nanoTime();
      if (read > 0) {
        lastProgress = now;
      } else if (now - lastProgress > STALLED.toNanos()) {
        say("demo: nothing arrived for %d s", STALLED.toSeconds());
        return;
      }
      if (now - lastLine >= TimeUnit.SECONDS.toNanos(1)) {
        double seconds = (now - lastLine) / 1e9;
        say(
            "demo: written=%d in-kafka=%d rate=%.0f/s",
            writer.written(), audit.records(), (audit.records() - recordsAtLastLine) / seconds);
        lastLine = now;
        recordsAtLastLine = audit.records();
      }
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    say(
        "demo: written=%d in-kafka=%d in %.1f s (%.0f/s)",
        writer.written(), audit.records(), seconds, audit.records() / seconds);
  }

  private void stayUp(Sandbox sandbox, WorkerApplication worker) throws Exception {
    say("");
    say("Couchbase  %s  (bucket %s)", sandbox.couchbaseAddress(), BUCKET);
    say("Kafka      %s  (topic %s%s)", sandbox.kafkaAddress(), TOPIC_PREFIX, BUCKET);
    say("Worker     %s", worker.url());
    say("");
    say("Try:  curl -s %s/connectors/%s/status", worker.url(), CONNECTOR);
    say("Stop with Ctrl-C.");
    ShutdownHook.installAndWait(
        () -> {
          worker.close();
          sandbox.close();
        });
  }

  private void say(String format, Object... values) {
    PrintWriter out = spec.commandLine().getOut();
    out.printf(format + "%n", values);
    out.flush();
  }
}
