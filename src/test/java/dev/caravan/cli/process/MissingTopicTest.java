// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.cli.process.ReportedStatus.ReportedTask;
import dev.caravan.testkit.SandboxWorker;
import dev.caravan.testkit.SmallTopic;
import dev.caravan.testkit.Topic;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Topics that do not exist, on a broker that does not create topics automatically. */
class MissingTopicTest {
  private static final Duration AT_MOST = Duration.ofSeconds(60);

  @RegisterExtension
  private static final SandboxWorker SANDBOX =
      new SandboxWorker(1)
          .bucket("orders")
          .bucket("letters")
          .brokerSetting("auto.create.topics.enable", "false");

  private static ReportedTask task(String name) throws Exception {
    return SANDBOX.connectors().task(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"at_least_once", "exactly_once"})
  void theStatusSaysWhichTopicATaskWaitsForUntilItIsThere(String guarantee) throws Exception {
    SANDBOX.documents("orders").upsert("one", "1");
    String name = "waits-" + guarantee;
    SANDBOX.create(name, "orders", Map.of("delivery.guarantee", guarantee));
    SANDBOX.connectors().awaitStates(name, "RUNNING");
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(
            () ->
                assertThat(task(name).trace())
                    .contains("topic \"" + name + "-orders\", which does not exist")
                    .contains("auto.create.topics.enable"));
    assertThat(task(name).state()).isEqualTo("RUNNING");

    SmallTopic.create(SANDBOX.brokers(), name + "-orders");

    try (Topic topic = SANDBOX.committed(name + "-orders")) {
      assertThat(topic.awaitRecords(1).get(0).key()).isEqualTo("one");
    }
    await().atMost(AT_MOST).untilAsserted(() -> assertThat(task(name).trace()).isEmpty());
    assertThat(task(name).state()).isEqualTo("RUNNING");
  }

  @Test
  void aDeadLetterTopicThatIsDeletedIsMadeAgainAndHoldsUpNobodyElse() throws Exception {
    String large = SmallTopic.tooLargeDocument();
    for (String name : List.of("deleted", "kept")) {
      SmallTopic.create(SANDBOX.brokers(), name + "-letters");
      SANDBOX.create(
          name,
          "letters",
          Map.of(
              "errors.tolerance",
              "all",
              "errors.deadletterqueue.topic.name",
              name + "-dead",
              "errors.deadletterqueue.topic.replication.factor",
              "1"));
    }
    SANDBOX.documents("letters").upsert("first", large);
    awaitLetter("deleted", "first");
    awaitLetter("kept", "first");

    try (Admin admin = Admin.create(Map.of("bootstrap.servers", SANDBOX.brokers()))) {
      admin.deleteTopics(List.of("deleted-dead")).all().get();
    }
    for (String id : List.of("second", "third", "fourth")) {
      SANDBOX.documents("letters").upsert(id, large);
    }
    SANDBOX.documents("letters").upsert("small", "1");

    awaitLetter("kept", "fourth");
    awaitLetter("deleted", "fourth");
    for (String name : List.of("deleted", "kept")) {
      try (Topic topic = SANDBOX.committed(name + "-letters")) {
        assertThat(topic.awaitRecords(1)).extracting(ConsumerRecord::key).containsExactly("small");
      }
    }
    assertThat(task("deleted").state()).isEqualTo("RUNNING");
  }

  private static void awaitLetter(String name, String id) {
    try (Topic letters = SANDBOX.committed(name + "-dead")) {
      letters.awaitUntil(
          "the letter of " + id,
          records -> records.stream().anyMatch(record -> record.key().equals(id)));
    }
  }
}
