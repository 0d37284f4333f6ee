// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.awaitility.Awaitility.await;

import dev.caravan.offset.Offset;
import dev.caravan.sandbox.kafka.KafkaBroker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The shared reader of the offsets topic, and transactions that block it. */
class OffsetTopicTest {
  private static final Offset OFFSET = new Offset(7, 19, 19, 19, 0);

  private static KafkaBroker kafka;
  private static Admin admin;

  @BeforeAll
  static void start() throws Exception {
    kafka = KafkaBroker.start();
    admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
  }

  @AfterAll
  static void stop() {
    admin.close();
    kafka.close();
  }

  private static OffsetTopicReader openReader(String topic) throws Exception {
    admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all().get(30, TimeUnit.SECONDS);
    OffsetTopicReader reader =
        new OffsetTopicReader(
            topic,
            3,
            Map.of(
                "bootstrap.servers", kafka.bootstrapServers(),
                "auto.offset.reset", "earliest",
                "isolation.level", "read_committed"),
            admin);
    reader.start();
    return reader;
  }

  private static KafkaProducer<byte[], byte[]> producer(Map<String, Object> more) {
    Map<String, Object> settings = new HashMap<>(more);
    settings.put("bootstrap.servers", kafka.bootstrapServers());
    return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /** Opens the producer of a task with a transaction that has an offset. */
  private static KafkaProducer<byte[], byte[]> openTransaction(TransactionalId id, String topic)
      throws Exception {
    KafkaProducer<byte[], byte[]> producer =
        producer(Map.of("transactional.id", id.toString(), "transaction.timeout.ms", 60_000));
    producer.initTransactions();
    producer.beginTransaction();
    producer.send(record(topic, 1)).get(30, TimeUnit.SECONDS);
    return producer;
  }

  private static ProducerRecord<byte[], byte[]> record(String topic, long seqno) {
    return new ProducerRecord<>(
        topic,
        "[\"c\",{\"bucket\":\"travel\",\"partition\":\"1\"}]".getBytes(UTF_8),
        ("{\"vbuuid\":7,\"bySeqno\":" + seqno + "}").getBytes(UTF_8));
  }

  private static Map<Integer, Offset> read(OffsetTopicReader reader) {
    return reader.read("c", "travel", Set.of(1), null);
  }

  @Test
  void offsetsCommittedBeforeAreRead() throws Exception {
    try (OffsetTopicReader reader = openReader("committed");
        KafkaProducer<byte[], byte[]> producer = producer(Map.of("acks", "all"))) {
      assertThat(read(reader)).isEmpty();
      for (int seqno = 1; seqno <= 19; seqno++) {
        producer.send(record("committed", seqno)).get(30, TimeUnit.SECONDS);
        assertThat(read(reader).get(1).bySeqno()).isEqualTo(seqno);
      }
      assertThat(read(reader)).isEqualTo(Map.of(1, OFFSET));
      assertThat(reader.isAwaited()).isFalse();
    }
  }

  /** Offsets of a deleted topic must not be returned. */
  @Test
  void aTopicThatWasMadeAgainIsReadFromItsBeginning() throws Exception {
    try (OffsetTopicReader reader = openReader("again");
        KafkaProducer<byte[], byte[]> producer = producer(Map.of("acks", "all"))) {
      producer.send(record("again", 18)).get(30, TimeUnit.SECONDS);
      producer.send(record("again", 19)).get(30, TimeUnit.SECONDS);
      assertThat(read(reader)).isEqualTo(Map.of(1, OFFSET));
      admin.deleteTopics(List.of("again")).all().get(30, TimeUnit.SECONDS);
      await().until(() -> made("again"));

      await().ignoreExceptions().untilAsserted(() -> assertThat(read(reader)).isEmpty());
    }
  }

  private static boolean made(String topic) throws Exception {
    try {
      admin
          .createTopics(List.of(new NewTopic(topic, 3, (short) 1)))
          .all()
          .get(30, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      // The deletion is not complete, or an earlier attempt has created the topic.
    }
    return admin
        .describeTopics(List.of(topic))
        .topicNameValues()
        .get(topic)
        .toCompletionStage()
        .handle((description, failure) -> failure == null)
        .toCompletableFuture()
        .get(30, TimeUnit.SECONDS);
  }

  @Test
  @SuppressWarnings("try") // the crashed task's producer sends nothing any more
  void theTransactionOfATaskThatNobodyHasIsEnded() throws Exception {
    TransactionalId id = new TransactionalId("g", "dead:one", 5, 0);
    try (OffsetTopicReader reader = openReader("abandoned");
        KafkaProducer<byte[], byte[]> dead = openTransaction(id, "abandoned");
        AbandonedTransactions abandoned =
            new AbandonedTransactions(
                reader, new TransactionFencer(admin), "g", new Tasks(Set.of(id)))) {
      abandoned.start();
      long start = System.nanoTime();
      assertThat(read(reader)).isEmpty();
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(20));
      assertThat(state(id)).isNotEqualTo(TransactionState.ONGOING);
    }
  }

  @Test
  void theTransactionOfATaskThatAWorkerHasIsLeftAlone() throws Exception {
    TransactionalId id = new TransactionalId("g", "alive", 5, 0);
    TransactionalId other = new TransactionalId("h", "alive", 5, 0);
    try (OffsetTopicReader reader = openReader("owned");
        KafkaProducer<byte[], byte[]> alive = openTransaction(id, "owned");
        KafkaProducer<byte[], byte[]> foreign = openTransaction(other, "owned")) {
      Tasks tasks = new Tasks(Set.of(other));
      try (AbandonedTransactions abandoned =
          new AbandonedTransactions(reader, new TransactionFencer(admin), "g", tasks)) {
        abandoned.start();
        await().until(() -> tasks.asked.get() != null);
        assertThat(tasks.asked.get()).isEqualTo(id);
      }
      alive.commitTransaction();
      foreign.commitTransaction();
      assertThat(read(reader)).isEqualTo(Map.of(1, new Offset(7, 1, 1, 1, 0)));
    }
  }

  /** Kafka's client takes 0.8 s for each further id of one call. */
  @Test
  void manyIdsOfEarlierSetsAreFencedAtOnce() throws Exception {
    List<KafkaProducer<byte[], byte[]>> old = new ArrayList<>();
    try (OffsetTopicReader reader = openReader("older")) {
      for (int task = 0; task < 20; task++) {
        old.add(openTransaction(new TransactionalId("g", "many", 5, task), "older"));
      }
      TransactionFencer fencer = new TransactionFencer(admin);
      long start = System.nanoTime();
      fencer.fenceOlderThan(new TransactionalId("g", "many", 6, 0));
      Duration taken = Duration.ofNanos(System.nanoTime() - start);

      assertThat(
              IntStream.range(0, 20)
                  .mapToObj(task -> state(new TransactionalId("g", "many", 5, task))))
          .doesNotContain(TransactionState.ONGOING);
      assertThat(read(reader)).isEmpty();
      assertThat(taken).isLessThan(Duration.ofSeconds(8));
    } finally {
      old.forEach(producer -> producer.close(Duration.ZERO));
    }
  }

  /** A task that is fenced because it blocks the topic continues; see TaskTransactionsTest. */
  @Test
  void anIdThatWasFencedForTheTopicIsNotTakenForTakenOver() throws Exception {
    TransactionalId id = new TransactionalId("g", "fenced", 5, 0);
    TransactionFencer fencer = new TransactionFencer(admin);
    TransactionalProducer producer =
        new TransactionalProducer(
            id.toString(), Map.of("bootstrap.servers", kafka.bootstrapServers()));
    try {
      producer.open(Duration.ofSeconds(16));
      fencer.fence(Set.of(id.toString())).get(30, TimeUnit.SECONDS);
      assertThat(fencer.isOwnedWith(Duration.ofSeconds(16), id)).isTrue();
      assertThatCode(() -> producer.open(Duration.ofSeconds(17))).doesNotThrowAnyException();
      assertThat(fencer.isOwnedWith(Duration.ofSeconds(16), id)).isFalse();
    } finally {
      producer.abort();
    }
  }

  private static TransactionState state(TransactionalId id) {
    try {
      Collection<TransactionListing> all = admin.listTransactions().all().get(30, TimeUnit.SECONDS);
      return all.stream()
          .filter(listing -> listing.transactionalId().equals(id.toString()))
          .findAny()
          .orElseThrow()
          .state();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  /** A leader that knows the owners of all tasks. */
  private static final class Tasks implements AbandonedTransactions.Tasks {
    private final Set<TransactionalId> abandoned;
    private final AtomicReference<TransactionalId> asked = new AtomicReference<>();

    Tasks(Set<TransactionalId> abandoned) {
      this.abandoned = abandoned;
    }

    @Override
    public boolean isLeader() {
      return true;
    }

    @Override
    public boolean isAbandoned(TransactionalId id) {
      asked.compareAndSet(null, id);
      return abandoned.contains(id);
    }
  }
}
