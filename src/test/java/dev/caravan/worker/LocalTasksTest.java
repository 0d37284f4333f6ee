// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.connector.ConnectorConfig;
import dev.caravan.connector.Task;
import dev.caravan.connector.TaskConfig;
import dev.caravan.connector.TaskStatus;
import dev.caravan.offset.MemoryOffsetStore;
import dev.caravan.worker.delivery.Delivery;
import dev.caravan.worker.delivery.ReplaceableProducer;
import dev.caravan.worker.delivery.TaskProducer;
import dev.caravan.worker.delivery.TaskWriter;
import dev.caravan.worker.delivery.TransactionClaim;
import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.GroupLease;
import dev.caravan.worker.group.TaskOwnership;
import dev.caravan.worker.status.ConnectorStatus.Part;
import dev.caravan.worker.status.ConnectorStatus.State;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** When a task is claimed by its worker and when it is released. */
class LocalTasksTest {
  private static final TaskKey KEY = new TaskKey(7, 0);
  private static final TaskKey OTHER = new TaskKey(8, 0);
  private static final TaskConfig CONFIG = config("golden");

  private static TaskConfig config(String connector) {
    return new TaskConfig(
        ConnectorConfig.parse(
            Map.of(
                "connector.class",
                "dev.caravan.CouchbaseSourceConnector",
                "name",
                connector,
                "couchbase.nodes",
                "localhost",
                "couchbase.bucket",
                "orders")),
        0,
        1);
  }

  private final Map<String, CompletableFuture<Void>> preparations = new HashMap<>();
  private final GroupLease lease = new GroupLease(Duration.ofDays(1));
  private final List<MockProducer<byte[], byte[]>> made = new ArrayList<>();
  private final CountDownLatch mayClose = new CountDownLatch(1);
  private final ReplaceableProducer shared = new ReplaceableProducer(this::producer);
  private final List<TaskWriter> opened = new CopyOnWriteArrayList<>();
  private final List<TaskWriter> released = new CopyOnWriteArrayList<>();
  private final TaskOwnership ownership = new TaskOwnership();
  private volatile Error startError;
  private volatile TaskStatus status = new TaskStatus(TaskStatus.TaskState.STREAMING, null);
  private final LocalTasks tasks =
      new LocalTasks(
          Runnable::run,
          Runnable::run,
          (config, offsets) -> start(startError),
          new Writers(),
          ownership,
          () -> {});

  private Streaming start(Error error) {
    if (error != null) {
      throw error;
    }
    return new Streaming();
  }

  private MockProducer<byte[], byte[]> producer() {
    MockProducer<byte[], byte[]> producer =
        new MockProducer<>(false, new ByteArraySerializer(), new ByteArraySerializer()) {
          @Override
          public void close(Duration timeout) {
            // Like Kafka's client, fail all outstanding records.
            boolean hasMore;
            do {
              hasMore = errorNext(new KafkaException("Producer is closed forcefully."));
            } while (hasMore);
            try {
              mayClose.await();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
            super.close(timeout);
          }
        };
    made.add(producer);
    return producer;
  }

  private final class Writers implements Delivery {
    @Override
    public CompletableFuture<Void> prepare(TaskConfig task) {
      return preparations.getOrDefault(
          task.connector().name(), CompletableFuture.completedFuture(null));
    }

    @Override
    public TaskWriter open(TaskConfig task, long generation, TransactionClaim claim) {
      TaskProducer view = new TaskProducer(shared::current, false, lease, System::nanoTime);
      TaskWriter writer =
          new TaskWriter(
              task,
              new MemoryOffsetStore().of("connector"),
              new CopyOnWriteArrayList<>(List.of(view)),
              () -> {});
      opened.add(writer);
      return writer;
    }

    @Override
    public CompletableFuture<Void> retire(TaskWriter writer) {
      return writer.retire();
    }

    @Override
    public void release(TaskWriter writer) {
      released.add(writer);
    }
  }

  private final class Streaming implements Task {
    @Override
    public TaskStatus status() {
      return status;
    }

    @Override
    public void drain() {
      // There is nothing to drain.
    }

    @Override
    public void close() {
      // There is nothing to stop.
    }
  }

  @BeforeEach
  void start() {
    lease.onAssignment();
    assertThat(lease.onHeartbeat(System.nanoTime())).isTrue();
    tasks.run(Map.of(KEY, CONFIG));
    assertThat(ownership.claimedTasks()).hasSize(1);
  }

  private static void send(TaskWriter writer) {
    writer.producers().get(0).send(new ProducerRecord<>("orders", new byte[0]), null);
  }

  private State state() {
    Part part = tasks.status(KEY, "w");
    return part == null ? State.UNASSIGNED : part.state();
  }

  @Test
  void aTaskIsReleasedWhenItsRecordsAreAcknowledged() {
    send(opened.get(0));
    tasks.run(Map.of());
    assertThat(ownership.claimedTasks()).hasSize(1);
    assertThat(tasks.isStopping()).isTrue();
    assertThat(released).as("whose producer may be given up").containsExactly(opened.get(0));
    made.get(0).completeNext();
    assertThat(ownership.claimedTasks()).isEmpty();
    assertThat(tasks.isEmpty()).isTrue();
  }

  @Test
  void aTaskIsReleasedWhenItsAbortedProducerIsClosed() {
    send(opened.get(0));
    tasks.run(Map.of());
    shared.abort();
    await().until(() -> opened.get(0).producers().get(0).waits().isEmpty());
    assertThat(ownership.claimedTasks()).hasSize(1);
    mayClose.countDown();
    await().until(() -> ownership.claimedTasks().isEmpty());
  }

  @Test
  void aTaskWhoseRecordsWereDiscardedIsStartedAgainAndHasNotFailed() {
    status = new TaskStatus(TaskStatus.TaskState.FAILED, new KafkaException("closed"));
    send(opened.get(0));
    shared.abort();
    await().until(opened.get(0)::isBroken);
    assertThat(state()).isEqualTo(State.UNASSIGNED);
    status = new TaskStatus(TaskStatus.TaskState.STREAMING, null);
    tasks.restartFailed(Instant.now());
    assertThat(opened).as("while the producer isn't closed").hasSize(1);
    tasks.restartFailed(Instant.now());
    assertThat(opened).hasSize(1);
    mayClose.countDown();
    await().until(() -> opened.size() == 2);
    await().until(() -> state() == State.RUNNING);
    assertThat(made).hasSize(2);
    assertThat(released).isEmpty();
  }

  @Test
  void aTaskThatCannotStartForAnErrorOfTheVirtualMachineHasFailedAndIsReleased() {
    tasks.run(Map.of());
    assertThat(tasks.isEmpty()).isTrue();
    startError = new StackOverflowError();
    tasks.run(Map.of(KEY, CONFIG));
    assertThat(state()).isEqualTo(State.FAILED);
    assertThat(tasks.status(KEY, "w").trace()).contains("java.lang.StackOverflowError");
    tasks.run(Map.of());
    assertThat(tasks.isEmpty()).isTrue();
  }

  @Test
  void theStatusHasWhatATaskWaitsFor() {
    opened.get(0).setWaiting("Records wait for a topic");
    assertThat(tasks.status(KEY, "w"))
        .isEqualTo(new Part(State.RUNNING, "w", "Records wait for a topic"));
    opened.get(0).setWaiting("");
    assertThat(tasks.status(KEY, "w")).isEqualTo(new Part(State.RUNNING, "w", ""));
  }

  @Test
  void aTaskThatWaitsForItsTopicHoldsUpNoOther() {
    CompletableFuture<Void> topic = new CompletableFuture<>();
    preparations.put("waits", topic);
    tasks.run(Map.of(OTHER, config("waits")));
    mayClose.countDown();
    tasks.run(Map.of(OTHER, config("waits"), KEY, CONFIG));
    assertThat(opened).as("both runs of the task that needs no topic").hasSize(2);
    assertThat(state()).isEqualTo(State.RUNNING);
    assertThat(ownership.claimedTasks()).hasSize(2);

    topic.completeExceptionally(new KafkaException("no rights"));
    Part failed = tasks.status(OTHER, "w");
    assertThat(failed.state()).isEqualTo(State.FAILED);
    assertThat(failed.trace()).contains("no rights");
  }

  @Test
  void aTaskThatIsNotWantedWhenItsTopicIsThereNeverStarts() {
    CompletableFuture<Void> topic = new CompletableFuture<>();
    preparations.put("waits", topic);
    tasks.run(Map.of(KEY, CONFIG, OTHER, config("waits")));
    tasks.run(Map.of(KEY, CONFIG));
    assertThat(ownership.claimedTasks()).hasSize(1);
    topic.complete(null);
    assertThat(opened).hasSize(1);
  }
}
