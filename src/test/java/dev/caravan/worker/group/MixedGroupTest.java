// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.worker.group.SimulatedWorker.Tasks;
import dev.caravan.worker.group.WorkerCoordinator.DesiredTasks;
import dev.caravan.worker.kafka.WorkerConfig;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InconsistentGroupProtocolException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Workers of several versions, and members that are not workers, in one group of a real Kafka. */
class MixedGroupTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final DesiredTasks WANTED =
      new DesiredTasks(10, List.of(new TaskGeneration("c1", 1, 4), new TaskGeneration("c2", 2, 2)));
  private static final int TASKS = 6;
  private static final Class<GroupAssignor> VERSION_1 = GroupAssignor.class;

  private static KafkaBroker kafka;
  private static Admin admin;

  private final Tasks tasks = new Tasks();
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  private String group = "";

  @BeforeAll
  static void startKafka() throws Exception {
    kafka = KafkaBroker.start();
    admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
  }

  @AfterAll
  static void stopKafka() {
    admin.close();
    kafka.close();
  }

  @AfterEach
  void close() throws Exception {
    while (!opened.isEmpty()) {
      opened.pop().close();
    }
    assertThat(tasks.doubles()).isEmpty();
  }

  private WorkerConfig config(String name) {
    group = name;
    return WorkerConfig.parse(
        Map.of(
            "bootstrap.servers",
            kafka.bootstrapServers(),
            "group.id",
            name,
            "session.timeout.ms",
            "6000",
            "heartbeat.interval.ms",
            "200",
            "config.storage.topic",
            name));
  }

  private void createTopics(String name) throws Exception {
    admin
        .createTopics(
            config(name).internalTopics().stream()
                .map(topic -> new NewTopic(topic, 1, (short) 1))
                .toList())
        .all()
        .get();
  }

  private SimulatedWorker worker(String id, Class<? extends ConsumerPartitionAssignor> assignor) {
    return worker(id, List.of(assignor));
  }

  private SimulatedWorker worker(
      String id, List<Class<? extends ConsumerPartitionAssignor>> assignors) {
    SimulatedWorker worker = new SimulatedWorker(id, config(group), tasks, WANTED, assignors);
    opened.push(worker);
    return worker;
  }

  private void leave(AutoCloseable member) throws Exception {
    opened.remove(member);
    member.close();
  }

  private KafkaConsumer<byte[], byte[]> stray(Class<?> assignor) {
    Map<String, Object> settings = new HashMap<>(config(group).groupSettings());
    settings.put(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, List.of(assignor));
    KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    consumer.subscribe(Set.of(group));
    return consumer;
  }

  private void awaitShares(Map<String, Integer> shares) {
    await()
        .atMost(SOON)
        .untilAsserted(
            () ->
                shares.forEach(
                    (worker, count) ->
                        assertThat(tasks.runningOn(worker))
                            .as(worker)
                            .isEqualTo(count.longValue())));
  }

  @Test
  void versionsThatReadEachOtherShareTasksWhicheverLeads() throws Exception {
    createTopics("readable");
    SimulatedWorker old = worker("one", VERSION_1);
    awaitShares(Map.of("one", TASKS));
    SimulatedWorker later = worker("two", LaterAssignors.Compatible.class);
    awaitShares(Map.of("one", 3, "two", 3));
    assertThat(old.losses() + later.losses()).isZero();

    leave(old);
    awaitShares(Map.of("two", TASKS));
    worker("three", VERSION_1);
    awaitShares(Map.of("two", 3, "three", 3));
    assertThat(later.losses()).isZero();
  }

  @Test
  void anIncompatibleFormatHasItsOwnNameAndTheGroupUsesACommonOne() throws Exception {
    createTopics("names");
    SimulatedWorker old = worker("one", VERSION_1);
    awaitShares(Map.of("one", TASKS));
    worker("two", List.of(LaterAssignors.Next.class, VERSION_1));
    awaitShares(Map.of("one", 3, "two", 3));
    assertThat(assignor()).isEqualTo(GroupAssignor.NAME);

    leave(old);
    awaitShares(Map.of("two", TASKS));
    assertThat(assignor()).isEqualTo("caravan-next");
  }

  private String assignor() throws Exception {
    return admin.describeConsumerGroups(List.of(group)).all().get().get(group).partitionAssignor();
  }

  @Test
  void aMemberThatCannotBeReadHasNoTasksAndOthersGetThemAfterOneSession() throws Exception {
    createTopics("unreadable");
    SimulatedWorker old = worker("one", VERSION_1);
    awaitShares(Map.of("one", TASKS));
    SimulatedWorker later = worker("two", LaterAssignors.Incompatible.class);
    await()
        .atMost(SOON)
        .until(
            () ->
                later.lease.hasEnded()
                    && old.coordinator.currentAssignment().groupGeneration() > 1);
    assertThat(tasks.runningOn("one")).as("what is claimed stays").isEqualTo(TASKS);
    assertThat(old.losses()).isZero();

    // The later version leads. The earlier one can't read its assignment and leaves its tasks.
    leave(old);
    awaitShares(Map.of("two", TASKS));
    SimulatedWorker third = worker("three", VERSION_1);
    await().atMost(SOON).until(() -> third.lease.hasEnded());
    awaitShares(Map.of("two", TASKS, "three", 0));

    // The earlier version leads, and no other member can have the tasks.
    admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions());
    await()
        .atMost(SOON)
        .until(() -> tasks.runningOn("two") == TASKS || tasks.runningOn("three") == TASKS);
  }

  @Test
  void aStrayConsumerWithOurNameAndNoDataStopsNothingThatIsClaimed() throws Exception {
    createTopics("stray");
    SimulatedWorker one = worker("one", VERSION_1);
    awaitShares(Map.of("one", TASKS));
    try (KafkaConsumer<byte[], byte[]> stray = stray(LaterAssignors.Stray.class)) {
      await()
          .atMost(SOON)
          .until(
              () -> {
                stray.poll(Duration.ofMillis(50));
                return !stray.assignment().isEmpty();
              });
      assertThat(tasks.runningOn("one")).isEqualTo(TASKS);
      assertThat(one.losses()).isZero();

      long joined = System.nanoTime();

      List<TaskGeneration> more = new ArrayList<>(WANTED.generations());
      more.add(new TaskGeneration("c3", 3, 1));
      one.coordinator.setDesiredTasks(new DesiredTasks(11, more));
      await()
          .atMost(SOON)
          .until(
              () -> {
                stray.poll(Duration.ofMillis(50));
                return tasks.runningOn("one") > TASKS;
              });
      assertThat(Duration.ofNanos(System.nanoTime() - joined))
          .as("what no worker has waits until the stray must have stopped its tasks, if any")
          .isGreaterThan(Duration.ofSeconds(5));
      assertThat(one.losses()).isZero();

      // The stray member leads, and assigns nothing to the worker.
      SimulatedWorker two = worker("two", VERSION_1);
      leave(one);
      await()
          .atMost(SOON)
          .until(
              () -> {
                stray.poll(Duration.ofMillis(50));
                return tasks.runningOn("two") == TASKS || two.lease.hasEnded();
              });
    }
    awaitShares(Map.of("two", TASKS));
  }

  @Test
  void aConsumerWithAnotherAssignorIsRefusedAndAWorkerIsRefusedByItsGroup() throws Exception {
    createTopics("range");
    worker("one", VERSION_1);
    awaitShares(Map.of("one", TASKS));
    try (KafkaConsumer<byte[], byte[]> stray = stray(RangeAssignor.class)) {
      assertThatThrownBy(() -> stray.poll(SOON))
          .isInstanceOf(InconsistentGroupProtocolException.class);
    }
    assertThat(tasks.runningOn("one")).isEqualTo(TASKS);

    createTopics("theirs");
    try (KafkaConsumer<byte[], byte[]> stray = stray(RangeAssignor.class)) {
      await()
          .atMost(SOON)
          .until(
              () -> {
                stray.poll(Duration.ofMillis(50));
                return !stray.assignment().isEmpty();
              });
      SimulatedWorker refused = worker("late", VERSION_1);
      await().atMost(SOON).until(refused::isRefused);
    }
  }

  @Test
  void aWorkerThatTheGroupHasForgottenLosesItsLeaseAndNoHeartbeatProlongsIt() throws Exception {
    createTopics("forgotten");
    SimulatedWorker worker = worker("one", VERSION_1);
    awaitShares(Map.of("one", TASKS));
    admin
        .removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions())
        .all()
        .get(20, TimeUnit.SECONDS);
    long removed = System.nanoTime();
    while (worker.losses() == 0) {
      long age = worker.lease.age().toNanos();
      if (age > 0) {
        assertThat(System.nanoTime() - age - removed)
            .as("when the last heartbeat was sent that counts")
            .isLessThan(TimeUnit.MILLISECONDS.toNanos(5));
      }
      assertThat(System.nanoTime() - removed).isLessThan(SOON.toNanos());
      Thread.onSpinWait();
    }
    awaitShares(Map.of("one", TASKS));
  }

  @Test
  void aGroupWhoseMetadataIsTooLargeFailsWithAnErrorThatNamesNoReason() throws Exception {
    createTopics("large");
    Map<String, Object> settings = new HashMap<>(config(group).groupSettings());
    settings.put(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, List.of(VERSION_1));
    GroupMetadataSize size = new GroupMetadataSize(group);
    settings.put(GroupAssignor.SIZE, size);
    settings.put(GroupAssignor.MEMBER, new LargeMember(GroupMetadataSize.DEFAULT_LIMIT));
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(Set.of(group));
      assertThatThrownBy(() -> consumer.poll(SOON))
          .isInstanceOf(KafkaException.class)
          .hasMessageStartingWith("Unexpected error from SyncGroup");
      assertThat(size.advice())
          .matches("The group metadata had 10[45]\\d{4} bytes when .* max.message.bytes .*");
    }
  }

  /** A worker whose id alone has the maximum size of a record. */
  private record LargeMember(int bytes) implements RebalanceListener {
    @Override
    public MemberState memberState() {
      return new MemberState("x".repeat(bytes / 2), 1, true, List.of());
    }

    @Override
    public Assignments assign(SortedMap<String, MemberState> members, Set<String> unreadable) {
      return Assignor.assign(1, List.of(), members);
    }

    @Override
    public void onAssigned(MemberAssignment assignment, String memberId, int generation) {
      throw new AssertionError("Kafka has taken it");
    }

    @Override
    public boolean needsRebalance() {
      return false;
    }

    @Override
    public void onLeaseStarted() {
      // There are no tasks.
    }

    @Override
    public void onLost() {
      // There are no tasks.
    }

    @Override
    public void onUnreadableAssignment() {
      throw new AssertionError("Kafka has taken it");
    }

    @Override
    public void onFatalError(RuntimeException reason) {
      throw reason;
    }
  }
}
