// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.connector.ConnectorConfig;
import dev.caravan.connector.TaskConfig;
import dev.caravan.offset.MemoryOffsetStore;
import dev.caravan.worker.group.GroupLease;
import dev.caravan.worker.kafka.TopicAdmin;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DeliveryMonitorTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  private final AtomicLong now = new AtomicLong();
  private final GroupLease lease = new GroupLease(Duration.ofDays(1), now::get);
  private final List<MockProducer<byte[], byte[]>> made = new ArrayList<>();
  private final ReplaceableProducer shared =
      new ReplaceableProducer(
          () -> {
            MockProducer<byte[], byte[]> producer =
                new MockProducer<>(false, new ByteArraySerializer(), new ByteArraySerializer()) {
                  @Override
                  public void close(Duration timeout) {
                    // Like Kafka's client, fail all outstanding records.
                    boolean hasMore;
                    do {
                      hasMore = errorNext(new KafkaException("Producer is closed forcefully."));
                    } while (hasMore);
                    super.close(timeout);
                  }
                };
            made.add(producer);
            return producer;
          });
  private final Kafka kafka = new Kafka();
  private final DeliveryMonitor monitor = new DeliveryMonitor(kafka, now::get);

  /** The existing topics. */
  private static final class Kafka implements TopicAdmin {
    private final Set<String> there = new HashSet<>(Set.of("orders"));
    private boolean isDown;
    private boolean mayCreate = true;

    @Override
    public Set<String> missing(Set<String> topics) {
      if (isDown) {
        throw new KafkaException("Kafka at localhost did not describe it");
      }
      Set<String> missing = new HashSet<>(topics);
      missing.removeAll(there);
      return missing;
    }

    @Override
    public void create(String topic, Optional<Short> replication) {
      if (!mayCreate) {
        throw new KafkaException("Not authorized");
      }
      there.add(topic);
    }
  }

  @BeforeEach
  void lease() {
    lease.onAssignment();
    assertThat(lease.onHeartbeat(now.get())).isTrue();
  }

  @AfterEach
  void stop() {
    monitor.close();
  }

  private TaskWriter writer(String connector) {
    Map<String, String> config = new HashMap<>();
    config.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    config.put("name", connector);
    config.put("couchbase.nodes", "localhost");
    config.put("couchbase.bucket", "orders");
    config.put("errors.tolerance", "all");
    config.put("errors.deadletterqueue.topic.name", "dead");
    TaskProducer view = new TaskProducer(shared::current, false, lease, now::get);
    TaskWriter writer =
        new TaskWriter(
            new TaskConfig(ConnectorConfig.parse(config), 0, 1),
            new MemoryOffsetStore().of("connector"),
            new CopyOnWriteArrayList<>(List.of(view)),
            () -> {});
    monitor.add(writer);
    return writer;
  }

  private static void send(TaskWriter writer, String topic) {
    writer.producers().get(0).send(new ProducerRecord<>(topic, new byte[0]), null);
  }

  private void after(double seconds) {
    now.addAndGet((long) (seconds * 1e9));
    monitor.check();
  }

  @Test
  void aMissingTopicIsNamedUntilItIsThere() {
    TaskWriter writer = writer("golden");
    send(writer, "gone");
    after(3);
    assertThat(writer.waiting()).isEmpty();
    after(2);
    assertThat(writer.waiting())
        .contains("topic \"gone\", which does not exist")
        .contains("auto.create.topics.enable");
    kafka.there.add("gone");
    after(1);
    assertThat(writer.waiting()).isEmpty();
    made.get(0).completeNext();
    after(20);
    assertThat(writer.waiting()).isEmpty();
  }

  @Test
  void recordsThatCannotBeDeliveredReplaceTheProducer() {
    TaskWriter writer = writer("golden");
    TaskWriter other = writer("other");
    send(writer, "gone");
    after(14);
    assertThat(shared.current().isAborted()).isFalse();
    after(1);
    await().until(() -> made.get(0).closed());
    assertThat(writer.isBroken()).isTrue();
    assertThat(other.isBroken()).isFalse();
    send(other, "orders");
    assertThat(made).hasSize(2);

    TaskWriter again = writer("golden");
    send(again, "gone");
    made.get(1).completeNext();
    after(16);
    assertThat(again.isBroken()).as("a topic that has had its chance waits longer").isFalse();
    after(14);
    await().until(again::isBroken);
  }

  @Test
  void progressKeepsTheProducer() {
    TaskWriter writer = writer("golden");
    send(writer, "orders");
    for (int i = 0; i < 10; i++) {
      send(writer, "orders");
      after(10);
      made.get(0).completeNext();
    }
    assertThat(writer.isBroken()).isFalse();
    assertThat(made).hasSize(1);
  }

  @Test
  void aKafkaThatDoesNotAnswerIsWaitedFor() {
    TaskWriter writer = writer("golden");
    kafka.isDown = true;
    send(writer, "orders");
    after(60);
    assertThat(writer.waiting()).contains("Kafka does not answer").contains("\"orders\"");
    assertThat(writer.isBroken()).isFalse();
    assertThat(shared.current().isAborted()).isFalse();
  }

  @Test
  void aDeadLetterTopicIsMadeAgain() {
    TaskWriter writer = writer("golden");
    send(writer, "dead");
    after(5);
    assertThat(kafka.there).contains("dead");
    assertThat(writer.waiting()).isEmpty();
  }

  @Test
  void aDeadLetterTopicThatCannotBeMadeIsNamed() {
    TaskWriter writer = writer("golden");
    kafka.mayCreate = false;
    send(writer, "dead");
    after(5);
    assertThat(writer.waiting()).contains("dead-letter topic \"dead\"").contains("Not authorized");
  }

  @Test
  void aTaskThatHasStoppedGivesUpItsProducerIfItMust() {
    TaskWriter writer = writer("golden");
    send(writer, "orders");
    CompletableFuture<Void> released = writer.retire();
    monitor.release(writer);
    after(9);
    assertThat(released).isNotDone();
    after(1);
    assertThat(released).succeedsWithin(SOON);
    assertThat(writer.isBroken()).as("nobody reads for it any more").isFalse();
  }
}
