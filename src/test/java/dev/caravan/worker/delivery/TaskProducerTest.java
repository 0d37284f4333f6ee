// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.caravan.worker.group.GroupLease;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class TaskProducerTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  private final AtomicLong now = new AtomicLong();
  private final GroupLease lease = new GroupLease(Duration.ofSeconds(9), now::get);
  private final List<Slow> made = new ArrayList<>();
  private final ReplaceableProducer shared =
      new ReplaceableProducer(
          () -> {
            Slow producer = new Slow();
            made.add(producer);
            return producer;
          });
  private final TaskProducer view = view(false);

  /**
   * A producer that keeps its records until a test completes them, and closes when the test allows
   * it.
   */
  private static final class Slow extends MockProducer<byte[], byte[]> {
    private final CountDownLatch mayClose = new CountDownLatch(1);
    private volatile Runnable onSend = () -> {};

    Slow() {
      super(false, new ByteArraySerializer(), new ByteArraySerializer());
    }

    @Override
    public synchronized Future<RecordMetadata> send(
        ProducerRecord<byte[], byte[]> record, Callback callback) {
      onSend.run();
      return super.send(record, callback);
    }

    @Override
    public void close(Duration timeout) {
      // Like Kafka's client, fail all outstanding records.
      boolean hasMore;
      do {
        hasMore = errorNext(new KafkaException("Producer is closed forcefully."));
      } while (hasMore);
      try {
        assertThat(mayClose.await(1, TimeUnit.MINUTES)).isTrue();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      super.close(timeout);
    }
  }

  private TaskProducer view(boolean isRepeatable) {
    return new TaskProducer(shared::current, isRepeatable, lease, now::get);
  }

  @BeforeEach
  void lease() {
    lease.onAssignment();
    assertThat(lease.onHeartbeat(now.get())).isTrue();
  }

  private static CompletableFuture<Void> send(TaskProducer through, String topic) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    through.send(
        new ProducerRecord<>(topic, new byte[0]),
        (metadata, failure) -> {
          boolean first =
              failure == null ? result.complete(null) : result.completeExceptionally(failure);
          assertThat(first).as("the only callback").isTrue();
        });
    return result;
  }

  @Test
  void aTaskIsReleasedOnlyWhenItsRecordsAreAcknowledged() {
    CompletableFuture<Void> one = send(view, "a");
    CompletableFuture<Void> other = send(view, "b");
    CompletableFuture<Void> released = view.retire();
    made.get(0).completeNext();
    assertThat(one).isCompleted();
    assertThat(released).isNotDone();
    made.get(0).completeNext();
    assertThat(other).isCompleted();
    assertThat(released).isCompleted();
    assertThatThrownBy(() -> send(view, "a")).isInstanceOf(KafkaException.class);
  }

  @Test
  void orWhenTheirProducerIsClosed() {
    CompletableFuture<Void> sent = send(view, "a");
    CompletableFuture<Void> released = view.retire();
    shared.abort();
    assertThat(sent).failsWithin(SOON);
    assertThat(released).as("while its connections may be open").isNotDone();
    made.get(0).mayClose.countDown();
    assertThat(released).succeedsWithin(SOON);
  }

  @Test
  void anAbortOfAnAbortedProducerIsTheSame() {
    AbortableProducer producer = shared.current();
    CompletableFuture<Void> closed = producer.abort();
    assertThat(producer.abort()).isSameAs(closed);
    assertThat(closed).isNotDone();
    made.get(0).mayClose.countDown();
    assertThat(closed).succeedsWithin(SOON);
  }

  @Test
  void closingIsNotDisturbedByAnInterruptedCaller() {
    AbortableProducer producer = shared.current();
    Thread.currentThread().interrupt();
    CompletableFuture<Void> closed = producer.abort();
    assertThat(Thread.interrupted()).isTrue();
    assertThat(closed).isNotDone();
    made.get(0).mayClose.countDown();
    assertThat(closed).succeedsWithin(SOON);
  }

  @Test
  void recordsThatWereDiscardedBreakTheViewAndOnlyThat() {
    TaskProducer other = view(false);
    CompletableFuture<Void> sent = send(view, "a");
    shared.abort();
    assertThat(sent).failsWithin(SOON);
    assertThat(view.isBroken()).isTrue();
    assertThatThrownBy(() -> send(view, "a")).hasMessageContaining("discarded");

    CompletableFuture<Void> through = send(other, "a");
    assertThat(made).hasSize(2);
    made.get(1).completeNext();
    assertThat(through).isCompleted();
    assertThat(other.isBroken()).isFalse();
    CompletableFuture<Void> released = other.retire();
    assertThat(released).as("the first producer may still hold a connection").isNotDone();
    made.get(0).mayClose.countDown();
    assertThat(released).succeedsWithin(SOON);
  }

  @Test
  void offsetsThatWereDiscardedAreSentAgain() {
    TaskProducer offsets = view(true);
    CompletableFuture<Void> sent = send(offsets, "offsets");
    shared.abort();
    assertThat(sent).failsWithin(SOON);
    assertThat(offsets.isBroken()).isFalse();
    CompletableFuture<Void> again = send(offsets, "offsets");
    made.get(1).completeNext();
    assertThat(again).isCompleted();
  }

  @Test
  void aSendThatEndsWithItsProducerBreaksTheView() {
    AbortableProducer producer = shared.current();
    made.get(0).onSend =
        () -> {
          producer.abort();
          throw new KafkaException("Producer closed while send in progress");
        };
    assertThatThrownBy(() -> send(view, "a")).hasMessageContaining("in progress");
    assertThat(view.isBroken()).isTrue();
  }

  @Test
  void nothingIsSentWithoutALease() {
    now.addAndGet(Duration.ofSeconds(6).toNanos());
    assertThatThrownBy(() -> send(view, "a"))
        .hasMessageContaining("another worker may have this task");
    assertThat(made.get(0).history()).isEmpty();
    assertThat(view.retire()).isCompleted();
  }

  @Test
  void aSendThatThrowsLeavesNothingBehind() {
    made.get(0).onSend =
        () -> {
          throw new KafkaException("no");
        };
    assertThatThrownBy(() -> send(view, "a")).hasMessage("no");
    assertThat(view.waits()).isEmpty();
    assertThat(view.isBroken()).isFalse();
    assertThat(view.retire()).isCompleted();
  }

  @Test
  void itKnowsHowLongRecordsWait() {
    send(view, "a");
    send(view, "b");
    now.addAndGet(Duration.ofSeconds(3).toNanos());
    assertThat(made.get(0).completeNext()).isTrue();
    now.addAndGet(Duration.ofSeconds(1).toNanos());
    assertThat(view.waits())
        .containsExactly(new TaskProducer.Wait("b", Duration.ZERO, Duration.ofSeconds(4)));
    send(view, "a");
    assertThat(view.waits()).contains(new TaskProducer.Wait("a", Duration.ZERO, Duration.ZERO));
  }
}
