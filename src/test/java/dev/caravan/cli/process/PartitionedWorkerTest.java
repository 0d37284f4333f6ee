// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.sandbox.TcpProxy;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.testkit.Connectors;
import dev.caravan.testkit.Topic;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

/** A worker that is partitioned from Kafka while another worker is not. */
class PartitionedWorkerTest {
  private static final String NAME = "parted";
  private static final int KEYS = 20;
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(4);
  private static final Duration AT_MOST = Duration.ofSeconds(60);
  private static final ObjectMapper JSON = new ObjectMapper();

  private static WorkerApplication start(String brokers) throws Exception {
    return WorkerApplication.startLocal(
        brokers, NAME, Map.of("session.timeout.ms", "6000", "heartbeat.interval.ms", "200"));
  }

  private static void create(WorkerApplication worker, CouchbaseNode node) throws Exception {
    new ConnectClient(worker.url())
        .create(
            NAME,
            Connectors.config(
                node.host() + ":" + node.port(), "orders", "parted-", Map.of("tasks.max", "2")));
  }

  /** Waits until one worker reports these numbers of running tasks. */
  private static void awaitShares(WorkerApplication asked, Map<WorkerApplication, Integer> shares) {
    Map<String, Integer> expected = new HashMap<>();
    shares.forEach((worker, count) -> expected.put(URI.create(worker.url()).getAuthority(), count));
    await()
        .atMost(AT_MOST)
        .untilAsserted(
            () -> {
              Map<String, Integer> counts = new HashMap<>();
              ReportedStatus status = new ConnectClient(asked.url()).status(NAME);
              assertThat(status.isRunning()).as(status.toString()).isTrue();
              status.tasks().forEach(task -> counts.merge(task.workerId(), 1, Integer::sum));
              assertThat(counts).isEqualTo(expected);
            });
  }

  /** Writes the keys in turn, with increasing numbers as values. */
  private static final class KeyWriter extends Thread {
    private final Bucket bucket;
    private volatile boolean isStopped;

    /** Read by other threads only after this thread has ended. */
    private int number;

    KeyWriter(Bucket bucket) {
      super("writer");
      this.bucket = bucket;
      setDaemon(true);
    }

    @Override
    public void run() {
      while (!isStopped) {
        bucket.upsert("key-" + number % KEYS, Integer.toString(number));
        number++;
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }

    /** Returns the last value of each key. */
    Map<String, String> finish() throws InterruptedException {
      isStopped = true;
      join();
      Map<String, String> last = new HashMap<>();
      for (int i = number - KEYS; i < number; i++) {
        last.put("key-" + i % KEYS, Integer.toString(i));
      }
      return last;
    }
  }

  private static Map<String, String> last(List<ConsumerRecord<String, byte[]>> records) {
    Map<String, String> last = new HashMap<>();
    for (ConsumerRecord<String, byte[]> record : records) {
      try {
        last.put(record.key(), JSON.readTree(record.value()).path("body").asText());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return last;
  }

  @Test
  void nothingOfAWorkerThatWasCutOffArrivesAfterAnotherOneHasTakenOver() throws Exception {
    try (TcpProxy network = new TcpProxy();
        KafkaBroker kafka = KafkaBroker.startBehind(List.of(network.address()));
        CouchbaseNode node = CouchbaseNode.builder().vbuckets(16).bucket("orders").start();
        WorkerApplication stays = start(kafka.bootstrapServers());
        TcpProxy opened = network.open("127.0.0.1", kafka.portBehind(0));
        WorkerApplication parted = start(opened.address())) {
      create(stays, node);
      KeyWriter writer = new KeyWriter(node.bucket("orders"));
      writer.start();
      awaitShares(stays, Map.of(stays, 1, parted, 1));
      try (Topic topic = new Topic(kafka.bootstrapServers(), "parted-orders");
          Topic offsets = new Topic(kafka.bootstrapServers(), "parted-offsets")) {
        topic.awaitUntil("all keys", records -> last(records).size() == KEYS);
        offsets.awaitRecords(1);

        network.partition();
        awaitShares(stays, Map.of(stays, 2));
        Map<String, String> expected = writer.finish();
        topic.awaitUntil("the last values", records -> last(records).equals(expected));
        long end = topic.endOffset();

        network.heal();
        awaitShares(stays, Map.of(stays, 1, parted, 1));
        awaitShares(parted, Map.of(stays, 1, parted, 1));
        node.bucket("orders").upsert("after", "1");
        topic.awaitUntil("a record after it all", records -> last(records).containsKey("after"));

        assertThat(topic.endOffset()).as("records").isEqualTo(end + 1);
        assertThat(last(topic.records())).containsAllEntriesOf(expected);
        offsets.awaitUntil("all offsets", records -> records.size() >= offsets.endOffset());
        assertNeverGoesBack(offsets.records());
      }
    }
  }

  private static void assertNeverGoesBack(List<ConsumerRecord<String, byte[]>> offsets)
      throws IOException {
    Map<String, Long> seqnos = new HashMap<>();
    List<String> steps = new ArrayList<>();
    Set<String> back = new HashSet<>();
    for (ConsumerRecord<String, byte[]> offset : offsets) {
      long seqno = JSON.readTree(offset.value()).path("bySeqno").asLong();
      Long before = seqnos.put(offset.key(), seqno);
      steps.add(offset.key() + " " + seqno);
      if (before != null && before > seqno) {
        back.add(offset.key());
      }
    }
    assertThat(back).as("of %s", steps).isEmpty();
  }
}
