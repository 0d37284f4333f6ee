// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.Mutation;
import dev.caravan.testkit.SandboxWorker;
import dev.caravan.testkit.SmallTopic;
import dev.caravan.testkit.Topic;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A document among others that is too large for its topic. */
class RefusedDocumentsTest {
  private static final String BUCKET = "orders";

  @RegisterExtension
  private static final SandboxWorker SANDBOX = new SandboxWorker(1).bucket(BUCKET);

  private static final String LARGE = SmallTopic.tooLargeDocument();

  private static Mutation large;

  @BeforeAll
  static void write() {
    Bucket bucket = SANDBOX.documents(BUCKET);
    bucket.upsert("before", "1");
    large = bucket.defaultCollection().upsert("large", LARGE);
    bucket.upsert("after", "2");
  }

  private static void create(String name, Map<String, String> options) throws Exception {
    SmallTopic.create(SANDBOX.brokers(), name + "-" + BUCKET);
    SANDBOX.create(name, BUCKET, options);
  }

  @ParameterizedTest
  @CsvSource({"at_least_once,0", "at_least_once,100", "exactly_once,0"})
  void failsTheTaskWhichNamesIt(String guarantee, String drainRate) throws Exception {
    String name = "strict-" + guarantee + drainRate;
    create(name, Map.of("delivery.guarantee", guarantee, "dcp.maximum.drainrate", drainRate));
    SANDBOX.connectors().awaitStates(name, "FAILED");
    assertThat(SANDBOX.connectors().task(name).trace())
        .contains("Document 'large' (bucket 'orders', vBucket 0, seqno " + large.seqno() + ")")
        .contains("RecordTooLargeException");
  }

  @ParameterizedTest
  @ValueSource(strings = {"at_least_once", "exactly_once"})
  void becomesADeadLetterWithTheReason(String guarantee) throws Exception {
    String name = "letters-" + guarantee;
    create(
        name,
        Map.of(
            "delivery.guarantee",
            guarantee,
            "errors.tolerance",
            "all",
            "errors.deadletterqueue.topic.name",
            name + "-dead",
            "couchbase.headers",
            "seqno"));
    try (Topic letters = SANDBOX.committed(name + "-dead");
        Topic records = SANDBOX.committed(name + "-" + BUCKET)) {
      ConsumerRecord<String, byte[]> letter = letters.awaitRecords(1).get(0);
      assertThat(letter.key()).isEqualTo("large");
      assertThat(letter.value()).as("the value, which is too large for this topic too").isNull();
      assertThat(header(letter, "caravan.value.omitted"))
          .asInt()
          .isBetween(LARGE.length(), LARGE.length() + 1000);
      assertThat(header(letter, "couchbase.seqno")).isEqualTo(Long.toString(large.seqno()));
      assertThat(header(letter, "__connect.errors.connector.name")).isEqualTo(name);
      assertThat(header(letter, "__connect.errors.exception.class.name"))
          .isEqualTo("org.apache.kafka.common.errors.RecordTooLargeException");
      assertThat(records.awaitRecords(2))
          .extracting(ConsumerRecord::key)
          .containsExactly("before", "after");
    }
    SANDBOX.connectors().awaitStates(name, "RUNNING");
  }

  @Test
  void isLeftOutIfThereIsNoTopicForIt() throws Exception {
    create("skip", Map.of("errors.tolerance", "all"));
    try (Topic records = SANDBOX.committed("skip-" + BUCKET)) {
      assertThat(records.awaitRecords(2))
          .extracting(ConsumerRecord::key)
          .containsExactly("before", "after");
    }
    assertThat(SANDBOX.connectors().taskState("skip")).isEqualTo("RUNNING");
  }

  private static String header(ConsumerRecord<String, byte[]> record, String name) {
    return new String(record.headers().lastHeader(name).value(), UTF_8);
  }
}
