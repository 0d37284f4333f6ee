// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
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

/** Tasks that are stopped while they wait for something that doesn't come. */
class TaskStopTest {
  private static final int TASKS = 8;
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final ObjectMapper JSON = new ObjectMapper();

  private static WorkerApplication worker(KafkaBroker kafka) throws Exception {
    return WorkerApplication.start(
        Map.of(
            "bootstrap.servers",
            kafka.bootstrapServers(),
            "group.id",
            "stops",
            "listeners",
            "http://127.0.0.1:0",
            "offset.storage.partitions",
            "1"));
  }

  private static Map<String, String> config(CouchbaseNode node, int tasks) {
    Map<String, String> config = new HashMap<>();
    config.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    config.put("tasks.max", Integer.toString(tasks));
    config.put("topic", "stops-");
    config.put("couchbase.nodes", node.host() + ":" + node.port());
    config.put("couchbase.bucket", "orders");
    config.put("couchbase.username", CouchbaseNode.ADMINISTRATOR);
    config.put("couchbase.password", CouchbaseNode.ADMINISTRATOR_PASSWORD);
    return config;
  }

  private static List<String> states(WorkerApplication worker, String name) throws Exception {
    JsonNode status =
        JSON.readTree(TestRequests.get(worker.url() + "/connectors/" + name + "/status"));
    return status.path("tasks").findValuesAsText("state");
  }

  @Test
  void tasksWhoseTopicIsGoneHoldUpNoOtherConnector() throws Exception {
    try (KafkaBroker kafka =
            KafkaBroker.start("127.0.0.1", 0, Map.of("auto.create.topics.enable", "false"));
        CouchbaseNode node = CouchbaseNode.builder().vbuckets(TASKS).bucket("orders").start();
        Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
        WorkerApplication worker = worker(kafka)) {
      admin.createTopics(List.of(new NewTopic("stops-orders", 1, (short) 1))).all().get();
      TestRequests.create(worker.url(), "gone", config(node, TASKS));
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
          .until(
              () ->
                  TestRequests.get(worker.url() + "/connectors/gone/status").contains("not there"));

      TestRequests.delete(worker.url(), "gone");
      Map<String, String> other = config(node, 1);
      other.put("topic", "other-");
      TestRequests.create(worker.url(), "other", other);

      // What the tasks have begun is waited for once, for 3 s, and not once for each of them.
      await()
          .atMost(Duration.ofSeconds(8))
          .untilAsserted(() -> assertThat(states(worker, "other")).containsExactly("RUNNING"));
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
      foreign.initTransactions();
      foreign.beginTransaction();
      foreign.send(new ProducerRecord<>("stops-offsets", 0, "key", "value")).get();
      Map<String, String> config = config(node, TASKS);
      config.put("delivery.guarantee", guarantee);
      TestRequests.create(worker.url(), "waits", config);
      await().atMost(SOON).until(() -> waiting() == TASKS);

      TestRequests.delete(worker.url(), "waits");

      await().atMost(Duration.ofSeconds(5)).until(() -> waiting() == 0);
    }
  }

  /** How many tasks wait until the offsets topic is read. */
  private static long waiting() {
    return Thread.getAllStackTraces().entrySet().stream()
        .filter(thread -> thread.getKey().getName().contains("CouchbaseDcp[orders]"))
        .filter(
            thread ->
                List.of(thread.getValue()).stream()
                    .anyMatch(frame -> frame.getClassName().endsWith(".OffsetTail")))
        .count();
  }
}
