// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.testkit.SandboxWorker;
import dev.caravan.testkit.Topic;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Tasks stop while their producer has no room. The stop interrupts a slow send in the middle of a
 * batch, and the task must not commit the part of the batch that it has sent.
 */
class StopInMidFlightTest {
  private static final int DOCUMENTS = 6_000;
  private static final int BODY = 1_000;
  private static final int STOPS = 4;
  private static final String NAME = "stopped";
  private static final String BUCKET = "orders";

  @RegisterExtension
  private static final SandboxWorker SANDBOX =
      new SandboxWorker(16)
          .bucket(BUCKET)
          .workerProperty("producer.buffer.memory", "65536")
          .workerProperty("producer.batch.size", "16384")
          .workerProperty("producer.compression.type", "none");

  @Test
  void noDocumentIsMissingOrThereTwice() throws Exception {
    SANDBOX.documents(BUCKET).load(DOCUMENTS, BODY);
    try (Topic records = SANDBOX.committed(NAME + "-" + BUCKET)) {
      int seen = 0;
      for (int i = 0; i < STOPS; i++) {
        create();
        int before = seen;
        seen = records.awaitUntil("some more", all -> all.size() > before).size();
        SANDBOX.rest().delete(NAME);
      }
      create();
      records.awaitUntil(
          "every document",
          all -> all.stream().map(ConsumerRecord::key).distinct().count() == DOCUMENTS);
      // No record can follow after the stop.
      SANDBOX.stopWorker();
      assertThat(records.readToEnd()).hasSize(DOCUMENTS);
    }
  }

  private static void create() throws Exception {
    SANDBOX.create(
        NAME,
        BUCKET,
        Map.of("delivery.guarantee", "exactly_once", "transaction.boundary.interval.ms", "200"));
  }
}
