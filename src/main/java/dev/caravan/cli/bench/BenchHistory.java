// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.caravan.cli.process.CommittedRecords;
import dev.caravan.cli.process.ReportedStatus;
import dev.caravan.cli.process.TopicCreator;
import dev.caravan.cli.process.WorkerProcess;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Measures the time that a worker takes to start its tasks when the offsets topic has many
 * uncompacted records.
 */
final class BenchHistory {
  private static final String GROUP = "history";
  private static final String TOPIC = GROUP + "-offsets";
  private static final int PARTITIONS = 25;
  private static final int VBUCKETS = 1024;
  private static final int TASKS = 16;
  private static final Duration TIMEOUT = Duration.ofMinutes(10);
  private static final Duration MAX_AFTER_READ = Duration.ofSeconds(5);

  /** The permitted extra time to start tasks, compared with an empty topic. */
  private static final Duration MAX_LATER = Duration.ofSeconds(1);

  private final PrintWriter out;
  private final String couchbase;
  private final String kafka;
  private final String bucket;

  BenchHistory(PrintWriter out, String couchbase, String kafka, String bucket) {
    this.out = out;
    this.couchbase = couchbase;
    this.kafka = kafka;
    this.bucket = bucket;
  }

  /**
   * Measures, and prints the results.
   *
   * @param records the number of records in the topic
   * @param heap the worker's maximum heap, as for -Xmx
   * @return whether the times are within their bounds
   */
  boolean run(int records, String heap) throws Exception {
    try (WorkerProcess worker = new WorkerProcess(kafka, GROUP, heap, "WARN")) {
      createTopic();
      worker.start();
      worker.rest().put("first", connector("first"));
      awaitRunning(worker, "first");
      Duration without = start(worker, "without");
      worker.rest().delete("without");
      worker.stop();
      write(records);

      long start = System.nanoTime();
      long read = read();
      Duration reading = since(start);
      say(
          "bench: history=%d records=%d read in %.1f s by a consumer that does nothing else",
          records, read, seconds(reading));

      start = System.nanoTime();
      worker.start();
      Duration up = since(start);
      awaitRunning(worker, "first");
      Duration running = since(start);
      Duration later = start(worker, "second");
      say(
          "bench: history=%d heap=%s REST after %.1f s, %d tasks running after %.1f s, another %d"
              + " tasks in %.2f s (%.2f s without a history), resident=%d MB",
          records,
          heap,
          seconds(up),
          TASKS,
          seconds(running),
          TASKS,
          seconds(later),
          seconds(without),
          worker.processStatus("VmRSS") / 1024);
      boolean isSoon = running.compareTo(reading.plus(MAX_AFTER_READ)) <= 0;
      if (!isSoon) {
        say(
            "bench: failed: tasks may run %d s later than a consumer has read the history",
            MAX_AFTER_READ.toSeconds());
      }
      boolean isSteady = later.compareTo(without.plus(MAX_LATER)) <= 0;
      if (!isSteady) {
        say(
            "bench: failed: other tasks may take %d s longer than without a history",
            MAX_LATER.toSeconds());
      }
      return isSoon && isSteady;
    }
  }

  /** Creates a connector and returns the time until all its tasks run. */
  private Duration start(WorkerProcess worker, String name) throws Exception {
    long start = System.nanoTime();
    worker.rest().put(name, connector(name));
    awaitRunning(worker, name);
    return since(start);
  }

  private void createTopic() throws Exception {
    // With the broker's default segment size: the active segment is not compacted.
    TopicCreator.create(
        kafka,
        List.of(
            new NewTopic(TOPIC, PARTITIONS, (short) 1)
                .configs(Map.of("cleanup.policy", "compact"))));
  }

  private Map<String, String> connector(String name) {
    return Map.of(
        "connector.class",
        "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector",
        "topic",
        name + "-",
        "couchbase.nodes",
        couchbase,
        "couchbase.bucket",
        bucket,
        "couchbase.username",
        BenchRun.USERNAME,
        "couchbase.password",
        BenchRun.PASSWORD,
        "tasks.max",
        Integer.toString(TASKS));
  }

  /** Writes offsets as for a bucket that changes all the time. */
  private void write(int records) throws Exception {
    AtomicReference<Exception> failure = new AtomicReference<>();
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", kafka, "linger.ms", 20, "batch.size", 65_536),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      for (int i = 0; i < records; i++) {
        int vbucket = i % VBUCKETS;
        long seqno = 1000L + i / VBUCKETS;
        String key = "[\"busy\",{\"bucket\":\"" + bucket + "\",\"partition\":\"" + vbucket + "\"}]";
        String value =
            "{\"vbuuid\":"
                + (162_621_360_260_821L + vbucket)
                + ",\"collectionsManifestUid\":0,\"snapshotEndSeqno\":"
                + seqno
                + ",\"bySeqno\":"
                + seqno
                + ",\"snapshotStartSeqno\":"
                + seqno
                + "}";
        producer.send(
            new ProducerRecord<>(TOPIC, key.getBytes(UTF_8), value.getBytes(UTF_8)),
            (metadata, e) -> {
              if (e != null) {
                failure.set(e);
              }
            });
      }
    }
    if (failure.get() != null) {
      throw new ExecutionException("The records could not be written.", failure.get());
    }
  }

  /** Reads the whole topic and returns the number of records. */
  private long read() {
    try (KafkaConsumer<byte[], byte[]> consumer =
        CommittedRecords.of(kafka, TOPIC, new ByteArrayDeserializer())) {
      Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
      long read = 0;
      while (ends.entrySet().stream()
          .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        read += consumer.poll(Duration.ofMillis(100)).count();
      }
      return read;
    }
  }

  private static void awaitRunning(WorkerProcess worker, String connector) throws Exception {
    long start = System.nanoTime();
    while (!isRunning(worker.rest().status(connector))) {
      if (since(start).compareTo(TIMEOUT) > 0) {
        throw new IOException(
            "Connector \"" + connector + "\" does not run: " + worker.rest().status(connector));
      }
      TimeUnit.MILLISECONDS.sleep(20);
    }
  }

  private static boolean isRunning(ReportedStatus status) {
    return status.tasks().size() == TASKS && status.isRunning();
  }

  private static Duration since(long start) {
    return Duration.ofNanos(System.nanoTime() - start);
  }

  private static double seconds(Duration duration) {
    return duration.toMillis() / 1e3;
  }

  private void say(String format, Object... values) {
    out.printf(Locale.ROOT, format + "%n", values);
    out.flush();
  }
}
