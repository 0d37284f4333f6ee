// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.caravan.cli.process.ConnectClient;
import dev.caravan.cli.process.ProcStatus;
import dev.caravan.cli.process.TopicCreator;
import dev.caravan.cli.process.WorkerApplication;
import dev.caravan.connector.DeliveryGuarantee;
import dev.caravan.worker.delivery.SharedProducers;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
 * Runs one variant of the benchmark: copies the warm-up bucket, then the measured bucket, and
 * prints the cost of the second copy.
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

  @Spec private CommandSpec spec;

  @Option(names = "--variant", required = true)
  private BenchmarkVariant variant;

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
      String prefix = variant.toString() + System.nanoTime() + "-";
      Optional<DeliveryGuarantee> guarantee = variant.guarantee();
      if (guarantee.isEmpty()) {
        loop(admin, prefix, WARM_UP, warmUpDocuments);
        print(loop(admin, prefix, MEASURED, documents));
      } else {
        try (WorkerApplication worker = WorkerApplication.startLocal(kafka, prefix, Map.of())) {
          ConnectClient rest = new ConnectClient(worker.url());
          route(admin, rest, guarantee.get(), prefix, WARM_UP, warmUpDocuments);
          print(route(admin, rest, guarantee.get(), prefix, MEASURED, documents));
        }
      }
    }
    return 0;
  }

  private Measurement loop(Admin admin, String prefix, String bucket, int count) throws Exception {
    Map<String, Object> producer = new HashMap<>(SharedProducers.defaults());
    producer.put("bootstrap.servers", kafka);
    createTopic(prefix + bucket);
    Measurement start = Measurement.now();
    try (DcpLoop loop = new DcpLoop(couchbase, bucket, prefix + bucket, producer, WINDOW)) {
      loop.start();
      awaitRecords(admin, prefix + bucket, count);
      return Measurement.now().since(start);
    }
  }

  private Measurement route(
      Admin admin,
      ConnectClient rest,
      DeliveryGuarantee guarantee,
      String prefix,
      String bucket,
      int count)
      throws Exception {
    createTopic(prefix + bucket);
    Measurement start = Measurement.now();
    rest.put(
        bucket,
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
            guarantee.toString()));
    awaitRecords(admin, prefix + bucket, count);
    Measurement taken = Measurement.now().since(start);
    rest.delete(bucket);
    return taken;
  }

  private void createTopic(String topic) throws Exception {
    TopicCreator.create(kafka, List.of(new NewTopic(topic, PARTITIONS, (short) 1)));
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
            "Only " + records + " of " + count + " documents arrived within 5 minutes.");
      }
      LockSupport.parkNanos(POLL_NANOS);
      // The count includes one commit marker per second and partition.
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

  /** The CPU time of this process on all cores, and the elapsed time. */
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
