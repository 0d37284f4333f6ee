// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.testkit.SandboxWorker;
import dev.caravan.testkit.Topic;
import java.io.InputStream;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The requests of the page that docs/origin.md describes, in order, with documents. */
class WorkerApplicationTest {
  private static final String BUCKET = "PMCONCURRENCY";
  private static final String NAME = "couchbase-kafka-connector";
  private static final String CONNECTOR = "/connectors/" + NAME;

  @RegisterExtension
  private static final SandboxWorker SANDBOX = new SandboxWorker(64).bucket(BUCKET);

  @Test
  void createdEditedAndDeletedAsThePagePrintsIt() throws Exception {
    write(0, 100);
    assertThat(send("POST", "/connectors", body("create-request.txt"))).isEqualTo(201);
    awaitRunning();
    try (Topic topic = SANDBOX.committed(NAME + BUCKET)) {
      assertThat(topic.awaitRecords(100))
          .extracting(ConsumerRecord::key)
          .containsExactlyInAnyOrderElementsOf(ids(0, 100));

      assertThat(send("POST", CONNECTOR + "/config", body("edit-request.txt"))).isEqualTo(200);
      awaitRunning();
      write(100, 150);
      SANDBOX.documents(BUCKET).delete("doc0");
      List<ConsumerRecord<String, byte[]>> records = topic.awaitRecords(151);
      assertThat(records)
          .filteredOn(record -> record.value() != null)
          .extracting(ConsumerRecord::key)
          .containsExactlyInAnyOrderElementsOf(ids(0, 150));
      assertThat(records)
          .filteredOn(record -> record.value() == null)
          .extracting(ConsumerRecord::key)
          .containsExactly("doc0");

      assertThat(send("DELETE", CONNECTOR, "")).isEqualTo(204);
      assertThat(send("GET", CONNECTOR, "")).isEqualTo(404);

      // A connector of the same name continues from the offsets of the deleted one. There are
      // enough
      // documents for each vBucket: a repeated record would come before them.
      write(150, 650);
      assertThat(send("PUT", CONNECTOR + "/config", body("edit-request.txt"))).isEqualTo(201);
      topic.awaitUntil(
          "the last documents",
          all -> all.stream().map(ConsumerRecord::key).toList().containsAll(ids(150, 650)));
      assertThat(topic.records()).hasSize(651);
    }
  }

  private static void write(int from, int to) {
    ids(from, to).forEach(id -> SANDBOX.documents(BUCKET).upsert(id, "{}"));
  }

  private static List<String> ids(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> "doc" + i).toList();
  }

  private static void awaitRunning() {
    SANDBOX.connectors().awaitStates(NAME, "RUNNING");
  }

  /** The body of a request of the page that docs/origin.md names, with another address. */
  private static String body(String request) throws Exception {
    try (InputStream in = WorkerApplicationTest.class.getResourceAsStream("/mission/" + request)) {
      String text = new String(in.readAllBytes(), UTF_8);
      return text.substring(text.indexOf("\n\n")).replace("localhost", SANDBOX.nodeAddress());
    }
  }

  private static int send(String method, String path, String body) throws Exception {
    return SANDBOX.rest().send(method, path, body).statusCode();
  }
}
