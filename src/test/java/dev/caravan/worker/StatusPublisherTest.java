// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.connector.TaskConfig;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.worker.config.ConfigSnapshot;
import dev.caravan.worker.config.ConfigSnapshot.StoredConnector;
import dev.caravan.worker.config.Connector;
import dev.caravan.worker.config.TargetState;
import dev.caravan.worker.delivery.Delivery;
import dev.caravan.worker.delivery.TaskWriter;
import dev.caravan.worker.delivery.TransactionClaim;
import dev.caravan.worker.group.MemberAssignment;
import dev.caravan.worker.group.MemberState;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import dev.caravan.worker.group.TaskOwnership;
import dev.caravan.worker.group.WorkerCoordinator.CurrentAssignment;
import dev.caravan.worker.kafka.KafkaCluster;
import dev.caravan.worker.kafka.WorkerConfig;
import dev.caravan.worker.status.ConnectorStatus.Part;
import dev.caravan.worker.status.ConnectorStatus.State;
import dev.caravan.worker.status.StatusRecord;
import dev.caravan.worker.status.StatusTopic;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Which records of the status topic are valid, and which ones a worker corrects. */
class StatusPublisherTest {
  private static final String SELF = "self:1";
  private static final String OTHER = "other:2";
  private static final long GENERATION = 17;
  private static final Part UNASSIGNED = new Part(State.UNASSIGNED, "", "");

  /** A connector with two tasks. */
  private static final Connector GOLDEN =
      Connector.of(
          "golden",
          new StoredConnector(
              Map.of(
                  "connector.class", "dev.caravan.CouchbaseSourceConnector",
                  "name", "golden",
                  "couchbase.nodes", "localhost",
                  "couchbase.bucket", "travel",
                  "tasks.max", "2"),
              GENERATION),
          Set.of());

  private static final Map<String, Connector> CONNECTORS = Map.of("golden", GOLDEN);

  private static KafkaBroker kafka;
  private static KafkaCluster cluster;
  private static StatusTopic statusTopic;

  private final LocalTasks tasks =
      new LocalTasks(
          Runnable::run,
          Runnable::run,
          (config, offsets) -> {
            throw new IllegalStateException("no task starts here");
          },
          new NoDelivery(),
          new TaskOwnership(),
          () -> {});

  private final StatusPublisher publisher = new StatusPublisher(() -> SELF, statusTopic, tasks);

  private static final class NoDelivery implements Delivery {
    @Override
    public CompletableFuture<Void> prepare(TaskConfig task) {
      throw new IllegalStateException("no task starts here");
    }

    @Override
    public TaskWriter open(TaskConfig task, long generation, TransactionClaim claim) {
      throw new IllegalStateException("no task starts here");
    }

    @Override
    public CompletableFuture<Void> retire(TaskWriter writer) {
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public void release(TaskWriter writer) {
      // There are no tasks.
    }
  }

  @BeforeAll
  static void startKafka() throws Exception {
    kafka = KafkaBroker.start();
    WorkerConfig config =
        WorkerConfig.parse(
            Map.of(
                "bootstrap.servers", kafka.bootstrapServers(),
                "group.id", "statuses",
                "status.storage.replication.factor", "1"));
    cluster = new KafkaCluster(config);
    statusTopic = new StatusTopic(config, cluster);
  }

  @AfterAll
  static void stopKafka() {
    statusTopic.close();
    cluster.close();
    kafka.close();
  }

  private static CurrentAssignment assigned(int... own) {
    BitSet numbers = new BitSet();
    for (int task : own) {
      numbers.set(task);
    }
    List<OwnedTasks> sets =
        numbers.isEmpty()
            ? List.of()
            : List.of(new OwnedTasks(MemberState.hash("golden"), GENERATION, numbers));
    return new CurrentAssignment(new MemberAssignment(1, List.of(SELF, OTHER), sets), 5);
  }

  private static void written(String connector, int task, Part part, long generation) {
    StatusRecord record = new StatusRecord(connector, OptionalInt.of(task), part, 4, generation);
    statusTopic.write(record);
    await().until(() -> record.equals(statusTopic.latest(connector, OptionalInt.of(task))));
  }

  private static Part running(String worker) {
    return new Part(State.RUNNING, worker, "");
  }

  private Part task(int number, TargetState target, CurrentAssignment assigned) {
    return publisher.of(GOLDEN, target, assigned).tasks().get(number);
  }

  private Part other(TargetState target) {
    return task(1, target, assigned());
  }

  @Test
  void aRecordCountsIfItsWorkerIsAliveAndItIsOfThePresentConfiguration() {
    written("golden", 1, running(OTHER), GENERATION);
    assertThat(other(TargetState.STARTED)).isEqualTo(running(OTHER));
    assertThat(other(TargetState.PAUSED)).isEqualTo(new Part(State.PAUSED, OTHER, ""));

    written("golden", 1, new Part(State.PAUSED, OTHER, ""), GENERATION);
    assertThat(other(TargetState.PAUSED)).isEqualTo(new Part(State.PAUSED, OTHER, ""));
    assertThat(other(TargetState.STARTED))
        .as("it is resumed, and its worker does not know yet")
        .isEqualTo(new Part(State.UNASSIGNED, OTHER, ""));

    written("golden", 1, running(OTHER), GENERATION - 1);
    assertThat(other(TargetState.STARTED)).as("of a replaced task").isEqualTo(UNASSIGNED);
    written("golden", 1, running(OTHER), StatusRecord.NONE);
    assertThat(other(TargetState.STARTED)).as("of Kafka Connect").isEqualTo(UNASSIGNED);
    written("golden", 1, running("gone:3"), GENERATION);
    assertThat(other(TargetState.STARTED)).as("of a worker that is gone").isEqualTo(UNASSIGNED);
    written("golden", 1, running(SELF), GENERATION);
    assertThat(other(TargetState.STARTED)).as("of before a restart").isEqualTo(UNASSIGNED);
  }

  @Test
  void aWorkerWritesPausedForItsPausedTasksWithItsId() {
    ConfigSnapshot paused =
        new ConfigSnapshot(
            0, 0, 20, new TreeMap<>(), new TreeMap<>(Map.of("golden", TargetState.PAUSED)));
    publisher.publish(Map.of(GENERATION, GOLDEN), paused, assigned(0));
    Part expected = new Part(State.PAUSED, SELF, "");
    await()
        .until(
            () ->
                new StatusRecord("golden", OptionalInt.of(0), expected, 5, GENERATION)
                    .equals(statusTopic.latest("golden", OptionalInt.of(0))));
    await()
        .until(
            () ->
                new StatusRecord("golden", OptionalInt.empty(), expected, 5, GENERATION)
                    .equals(statusTopic.latest("golden", OptionalInt.empty())));
    assertThat(task(0, TargetState.PAUSED, assigned(0))).isEqualTo(expected);
  }

  @Test
  void aWorkerCorrectsRecordsThatNameItForTasksThatItDoesNotHave() {
    written("golden", 1, running(SELF), GENERATION);
    written("golden", 0, running(SELF), GENERATION);
    written("golden", 2, running(SELF), GENERATION - 1);
    written("deleted", 0, running(SELF), 3);
    written("connect", 0, running(SELF), StatusRecord.NONE);
    written("others", 0, running(OTHER), 3);

    publisher.correct(CONNECTORS, assigned(0));

    await()
        .until(
            () ->
                new StatusRecord("golden", OptionalInt.of(1), UNASSIGNED, 5, GENERATION)
                    .equals(statusTopic.latest("golden", OptionalInt.of(1))));
    await().until(() -> statusTopic.latest("golden", OptionalInt.of(2)) == null);
    await().until(() -> statusTopic.latest("deleted", OptionalInt.of(0)) == null);
    assertThat(statusTopic.recordsNaming(SELF))
        .extracting(StatusRecord::connector)
        .containsOnly("golden", "connect");
    assertThat(statusTopic.recordsNaming(OTHER))
        .extracting(StatusRecord::connector)
        .contains("others");
  }

  /** The status topic is deleted and created again under running workers. */
  @Test
  void missingRecordsOfARecreatedTopicAreWrittenAgain() throws Exception {
    ConfigSnapshot started = new ConfigSnapshot(0, 0, 20, new TreeMap<>(), new TreeMap<>());
    for (int i = 0; i < 10; i++) {
      written("golden", 1, running("other:" + i), GENERATION);
    }
    Optional<Part> own = Optional.of(new Part(State.UNASSIGNED, SELF, ""));
    publisher.publish(Map.of(GENERATION, GOLDEN), started, assigned(0));
    await().until(() -> status(0).equals(own));

    try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
      String topic = "statuses-status";
      int partitions =
          admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
      admin.deleteTopics(List.of(topic)).all().get();
      NewTopic again =
          new NewTopic(topic, Optional.of(partitions), Optional.empty())
              .configs(Map.of("cleanup.policy", "compact"));
      admin.createTopics(List.of(again)).all().get();
    }

    await().atMost(Duration.ofSeconds(30)).until(() -> status(1).isEmpty());
    await()
        .atMost(Duration.ofSeconds(30))
        .until(
            () -> {
              publisher.publish(Map.of(GENERATION, GOLDEN), started, assigned(0));
              return status(0).equals(own);
            });
  }

  private static Optional<Part> status(int task) {
    return Optional.ofNullable(statusTopic.latest("golden", OptionalInt.of(task)))
        .map(StatusRecord::status);
  }
}
