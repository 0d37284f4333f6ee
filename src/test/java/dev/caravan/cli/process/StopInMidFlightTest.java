// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.testkit.Topic;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Tasks that are stopped while their producer has no room: a stop interrupts a send that takes
 * long, in the middle of a batch, and the task must not commit what it has sent of it.
 */
class StopInMidFlightTest {
  private static final int DOCUMENTS = 6_000;
  private static final int BODY = 1_000;
  private static final int STOPS = 4;
  private static final String NAME = "stopped";

  private static KafkaBroker kafka;
  private static CouchbaseNode node;
  private static WorkerApplication worker;

  @BeforeAll
  static void start() throws Exception {
    kafka = KafkaBroker.start();
    node = CouchbaseNode.builder().vbuckets(16).bucket(NAME).start();
    node.bucket(NAME).load(DOCUMENTS, BODY);
    worker =
        WorkerApplication.start(
            Map.of(
                "bootstrap.servers",
                kafka.bootstrapServers(),
                "group.id",
                NAME,
                "producer.buffer.memory",
                "65536",
                "producer.batch.size",
                "16384",
                "producer.compression.type",
                "none",
                "listeners",
                "http://127.0.0.1:0"));
  }

  @AfterAll
  static void stop() {
    worker.close();
    node.close();
    kafka.close();
  }

  @Test
  void noDocumentIsMissingOrThereTwice() throws Exception {
    try (Topic records = Topic.committed(kafka.bootstrapServers(), NAME)) {
      int seen = 0;
      for (int i = 0; i < STOPS; i++) {
        create();
        int before = seen;
        seen = records.awaitUntil("some more", all -> all.size() > before).size();
        delete();
      }
      create();
      records.awaitUntil(
          "every document",
          all -> all.stream().map(ConsumerRecord::key).distinct().count() == DOCUMENTS);
      delete();
      assertThat(records.read(Duration.ofSeconds(1))).hasSize(DOCUMENTS);
    }
  }

  private static void create() throws Exception {
    Map<String, String> config = new HashMap<>();
    config.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    config.put("couchbase.nodes", node.host() + ":" + node.port());
    config.put("couchbase.bucket", NAME);
    config.put("couchbase.username", CouchbaseNode.ADMINISTRATOR);
    config.put("couchbase.password", CouchbaseNode.ADMINISTRATOR_PASSWORD);
    config.put("delivery.guarantee", "exactly_once");
    config.put("transaction.boundary.interval.ms", "200");
    TestRequests.create(worker.url(), NAME, config);
  }

  private static void delete() throws Exception {
    HttpResponse<String> response =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(URI.create(worker.url() + "/connectors/" + NAME))
                    .DELETE()
                    .build(),
                HttpResponse.BodyHandlers.ofString());
    assertThat(response.statusCode()).isEqualTo(204);
  }
}
