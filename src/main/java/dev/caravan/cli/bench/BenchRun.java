// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import dev.caravan.cli.process.ProcStatus;
import dev.caravan.cli.process.WorkerApplication;
import dev.caravan.worker.delivery.SharedProducers;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * One contender of the benchmark, in a process of its own: copies the warm-up bucket, then the
 * other one, and prints what the second took.
 */
@Command(name = "bench-run", hidden = true)
public final class BenchRun implements Callable<Integer> {
  static final String USERNAME = "Administrator";
  static final String PASSWORD = "password";
  static final String WARM_UP = "warm-up";
  static final String MEASURED = "measured";

  private static final int PARTITIONS = 6;
  private static final int WINDOW = 16 * 1024 * 1024;
  private static final ListOffsetsOptions COMMITTED =
      new ListOffsetsOptions(IsolationLevel.READ_COMMITTED);
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final long TIMEOUT_NANOS = TimeUnit.MINUTES.toNanos(5);

  enum Contender {
    LOOP,
    AT_LEAST_ONCE,
    EXACTLY_ONCE
  }

  @Spec private CommandSpec spec;

  @Option(names = "--contender", required = true)
  private Contender contender;

  @Option(names = "--couchbase", required = true)
  private String couchbase;

  @Option(names = "--kafka", required = true)
  private String kafka;

  @Option(names = "--warm-up-documents", required = true)
  private int warmUpDocuments;

  @Option(names = "--documents", required = true)
  private int documents;

  @Override
  public Integer call() throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka))) {
      String prefix = contender.name().toLowerCase(Locale.ROOT) + System.nanoTime() + "-";
      if (contender == Contender.LOOP) {
        loop(admin, prefix, WARM_UP, warmUpDocuments);
        print(loop(admin, prefix, MEASURED, documents));
      } else {
        try (WorkerApplication worker = worker(prefix)) {
          route(admin, worker, prefix, WARM_UP, warmUpDocuments);
          print(route(admin, worker, prefix, MEASURED, documents));
        }
      }
    }
    return 0;
  }

  private Measurement loop(Admin admin, String prefix, String bucket, int count) throws Exception {
    Map<String, Object> producer = new HashMap<>(SharedProducers.defaults());
    producer.put("bootstrap.servers", kafka);
    createTopic(admin, prefix + bucket);
    Measurement start = Measurement.now();
    try (DcpLoop loop = new DcpLoop(couchbase, bucket, prefix + bucket, producer, WINDOW)) {
      loop.start();
      awaitRecords(admin, prefix + bucket, count);
      return Measurement.now().since(start);
    }
  }

  private Measurement route(
      Admin admin, WorkerApplication worker, String prefix, String bucket, int count)
      throws Exception {
    createTopic(admin, prefix + bucket);
    Measurement start = Measurement.now();
    request(
        worker.url() + "/connectors/" + bucket + "/config",
        "PUT",
        new ObjectMapper()
            .writeValueAsString(
                Map.of(
                    "connector.class",
                    "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector",
                    "topic",
                    prefix,
                    "couchbase.nodes",
                    couchbase,
                    "couchbase.bucket",
                    bucket,
                    "couchbase.username",
                    USERNAME,
                    "couchbase.password",
                    PASSWORD,
                    "couchbase.dcpConnectionBufferSize",
                    Integer.toString(WINDOW),
                    "delivery.guarantee",
                    contender.name().toLowerCase(Locale.ROOT))));
    awaitRecords(admin, prefix + bucket, count);
    Measurement taken = Measurement.now().since(start);
    request(worker.url() + "/connectors/" + bucket, "DELETE", "");
    return taken;
  }

  private WorkerApplication worker(String prefix) throws Exception {
    return WorkerApplication.start(
        Map.of(
            "bootstrap.servers",
            kafka,
            "group.id",
            prefix,
            "config.storage.topic",
            prefix + "configs",
            "config.storage.replication.factor",
            "1",
            "offset.storage.topic",
            prefix + "offsets",
            "offset.storage.replication.factor",
            "1",
            "listeners",
            "http://127.0.0.1:0"));
  }

  private static void request(String url, String method, String body)
      throws IOException, InterruptedException {
    HttpResponse<String> response =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create(url))
                    .header("Content-Type", "application/json")
                    .method(method, HttpRequest.BodyPublishers.ofString(body))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() >= 300) {
      throw new IOException(
          method + " " + url + " -> " + response.statusCode() + ": " + response.body());
    }
  }

  private static void createTopic(Admin admin, String topic) throws Exception {
    admin
        .createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1)))
        .all()
        .get(30, TimeUnit.SECONDS);
  }

  private static void awaitRecords(Admin admin, String topic, int count) throws Exception {
    Map<TopicPartition, OffsetSpec> ends =
        IntStream.range(0, PARTITIONS)
            .mapToObj(partition -> new TopicPartition(topic, partition))
            .collect(Collectors.toMap(partition -> partition, partition -> OffsetSpec.latest()));
    long deadline = System.nanoTime() + TIMEOUT_NANOS;
    long records = 0;
    while (records < count) {
      if (System.nanoTime() - deadline > 0) {
        throw new IllegalStateException(
            "Only " + records + " of " + count + " documents arrived within five minutes");
      }
      LockSupport.parkNanos(POLL_NANOS);
      // The marker of each commit counts as a record here: one a second and partition.
      records =
          admin.listOffsets(ends, COMMITTED).all().get(30, TimeUnit.SECONDS).values().stream()
              .mapToLong(end -> end.offset())
              .sum();
    }
  }

  private void print(Measurement taken) throws IOException {
    spec.commandLine()
        .getOut()
        .printf(
            "result cpu-nanos=%d wall-nanos=%d resident-kb=%d%n",
            taken.cpuNanos(), taken.wallNanos(), ProcStatus.of("self", "VmHWM"));
    spec.commandLine().getOut().flush();
  }

  /** Time as the wall has it, and as this process used it on all cores. */
  private record Measurement(long cpuNanos, long wallNanos) {
    static Measurement now() {
      OperatingSystemMXBean system =
          (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
      return new Measurement(system.getProcessCpuTime(), System.nanoTime());
    }

    Measurement since(Measurement start) {
      return new Measurement(cpuNanos - start.cpuNanos, wallNanos - start.wallNanos);
    }
  }
}
