// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.cli.process.ReportedStatus.ReportedTask;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.testkit.Connectors;
import dev.caravan.testkit.Topic;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tasks that are stopped while they wait for Kafka. */
class TaskStopTest {
  private static final int TASKS = 8;
  private static final Duration SOON = Duration.ofSeconds(30);

  private static WorkerApplication worker(KafkaBroker kafka) throws Exception {
    return WorkerApplication.startLocal(
        kafka.bootstrapServers(), "stops", Map.of("offset.storage.partitions", "1"));
  }

  private static Map<String, String> config(CouchbaseNode node, String topic, int tasks) {
    return Connectors.config(
        node.host() + ":" + node.port(),
        "orders",
        topic,
        Map.of("tasks.max", Integer.toString(tasks)));
  }

  @Test
  void tasksWhoseTopicIsGoneHoldUpNoOtherConnector() throws Exception {
    try (KafkaBroker kafka =
            KafkaBroker.start("127.0.0.1", 0, Map.of("auto.create.topics.enable", "false"));
        CouchbaseNode node = CouchbaseNode.builder().vbuckets(TASKS).bucket("orders").start();
        Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
        WorkerApplication worker = worker(kafka)) {
      ConnectClient rest = new ConnectClient(worker.url());
      admin.createTopics(List.of(new NewTopic("stops-orders", 1, (short) 1))).all().get();
      rest.create("gone", config(node, "stops-", TASKS));
      for (int i = 0; i < 100; i++) {
        node.bucket("orders").upsert("k" + i, "1");
      }
      try (Topic topic = new Topic(kafka.bootstrapServers(), "stops-orders")) {
        topic.awaitRecords(100);
      }
      admin.deleteTopics(List.of("stops-orders")).all().get();
      for (int i = 0; i < 100; i++) {
        node.bucket("orders").upsert("k" + i, "2");
      }
      await()
          .atMost(SOON)
          .until(() -> rest.get("/connectors/gone/status").contains("which does not exist"));

      rest.delete("gone");
      rest.create("other", config(node, "other-", 1));

      // All tasks together have 3 s for their last records, not each of them.
      await()
          .atMost(Duration.ofSeconds(8))
          .untilAsserted(
              () ->
                  assertThat(rest.status("other").tasks())
                      .extracting(ReportedTask::state)
                      .containsExactly("RUNNING"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"at_least_once", "exactly_once"})
  void tasksThatWaitForTheirOffsetsStopAtOnce(String guarantee) throws Exception {
    try (KafkaBroker kafka = KafkaBroker.start();
        CouchbaseNode node = CouchbaseNode.builder().vbuckets(TASKS).bucket("orders").start();
        KafkaProducer<String, String> foreign =
            new KafkaProducer<>(
                Map.of(
                    "bootstrap.servers", kafka.bootstrapServers(), "transactional.id", "foreign"),
                new StringSerializer(),
                new StringSerializer());
        WorkerApplication worker = worker(kafka)) {
      ConnectClient rest = new ConnectClient(worker.url());
      foreign.initTransactions();
      foreign.beginTransaction();
      foreign.send(new ProducerRecord<>("stops-offsets", 0, "key", "value")).get();
      Map<String, String> config = new HashMap<>(config(node, "stops-", TASKS));
      config.put("delivery.guarantee", guarantee);
      rest.create("waits", config);
      await().atMost(SOON).until(() -> waiting() == TASKS);

      rest.delete("waits");

      await().atMost(Duration.ofSeconds(5)).until(() -> waiting() == 0);
    }
  }

  /** The number of tasks that wait until the offsets topic is read. */
  private static long waiting() {
    return Thread.getAllStackTraces().entrySet().stream()
        .filter(thread -> thread.getKey().getName().contains("CouchbaseDcp[orders]"))
        .filter(
            thread ->
                List.of(thread.getValue()).stream()
                    .anyMatch(frame -> frame.getClassName().endsWith(".OffsetTopicReader")))
        .count();
  }
}
