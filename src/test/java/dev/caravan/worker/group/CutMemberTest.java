// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.sandbox.TcpProxy;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.worker.group.SimulatedWorker.Tasks;
import dev.caravan.worker.group.WorkerCoordinator.DesiredTasks;
import dev.caravan.worker.kafka.WorkerConfig;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.junit.jupiter.api.Test;

/** A worker whose group connection to Kafka is cut, while its other connections work. */
class CutMemberTest {
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final DesiredTasks WANTED =
      new DesiredTasks(10, List.of(new TaskGeneration("c1", 1, 6)));

  private static WorkerConfig config(String brokers) {
    return WorkerConfig.parse(
        Map.of("bootstrap.servers", brokers, "group.id", "cut", "session.timeout.ms", "6000"));
  }

  private static int assigned(SimulatedWorker worker) {
    return worker.coordinator.mayRunTasks()
        ? worker.coordinator.currentAssignment().own().stream()
            .mapToInt(set -> set.tasks().cardinality())
            .sum()
        : 0;
  }

  @Test
  void aWorkerWhoseHeartbeatsAreLostStopsItsTasksInTimeAlsoWhileTheGroupWaitsForIt()
      throws Exception {
    Tasks tasks = new Tasks();
    try (TcpProxy network = new TcpProxy();
        KafkaBroker kafka = KafkaBroker.startBehind(List.of(network.address()))) {
      network.open("127.0.0.1", kafka.portBehind(0));
      WorkerConfig direct = config(kafka.bootstrapServers());
      try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
        admin
            .createTopics(
                direct.internalTopics().stream()
                    .map(topic -> new NewTopic(topic, 1, (short) 1))
                    .toList())
            .all()
            .get();
      }
      List<Class<? extends ConsumerPartitionAssignor>> assignors = List.of(GroupAssignor.class);
      try (SimulatedWorker stays = new SimulatedWorker("stays", direct, tasks, WANTED, assignors);
          SimulatedWorker cut =
              new SimulatedWorker(
                  "cut", config(network.address()), direct, tasks, WANTED, assignors)) {
        await().atMost(SOON).untilAsserted(() -> assertThat(tasks.runningOn("cut")).isEqualTo(3));

        network.partition();
        try (SimulatedWorker joins =
            new SimulatedWorker("joins", direct, tasks, WANTED, assignors)) {
          await()
              .atMost(SOON)
              .untilAsserted(() -> assertThat(assigned(stays) + assigned(joins)).isEqualTo(6));
          await().atMost(SOON).until(() -> cut.losses() == 1);
        }

        assertThat(tasks.doubles()).isEmpty();
        assertThat(cut.losses()).isEqualTo(1);
        assertThat(stays.losses()).isZero();
        network.heal();
      }
    }
  }
}
