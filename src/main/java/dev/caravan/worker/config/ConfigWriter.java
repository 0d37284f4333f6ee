// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.couchbase.client.core.util.CbThrowables;
import dev.caravan.worker.kafka.KafkaCluster;
import dev.caravan.worker.kafka.KafkaFutures;
import dev.caravan.worker.kafka.WorkerConfig;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.ExponentialBackoff;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes changes to the config topic, each on the condition that it is possible when everything
 * that others wrote before it is known.
 *
 * <p>All workers of a cluster have the same transactional id for this, so that at most one of them
 * can commit: the one that opened a producer last. It stays the writer until another one takes its
 * turn. What is true when it has read the topic to its end is therefore still true when it commits.
 * A commit of which nobody knows whether it took place is looked for in the topic, by an id in its
 * records, before anything is answered or tried again.
 *
 * <p>Safe for use by several threads; everything happens on one thread of its own. What waits there
 * is written in one transaction.
 */
final class ConfigWriter implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ConfigWriter.class);

  /** How long a change takes its turn again and again with other workers' changes. */
  private static final Duration CONTENTION_TIMEOUT = Duration.ofSeconds(10);

  /** How long a change waits for a Kafka that doesn't answer, unless the worker is told. */
  private static final Duration WRITE_TIMEOUT = Duration.ofSeconds(30);

  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);
  private static final int TRANSACTION_TIMEOUT_MS = 15_000;

  /** A turn begins with waiting for the end of the transaction before it, which takes so long. */
  private static final int RETRY_BACKOFF_MS = 20;

  private static final Duration OTHERS_TURN = Duration.ofMillis(300);

  /**
   * The backoff between attempts: 0 to 50 ms at first, doubled with each attempt, 1 s at most. A
   * worker that writes too soon fences the others, which then have to start again.
   */
  private static final ExponentialBackoff BACKOFF = new ExponentialBackoff(25, 2, 1000, 1);

  private static final int MAX_BATCH = 100;

  private final Map<String, Object> producerSettings;
  private final byte[] group;
  private final TopicPartition partition;
  private final KafkaCluster cluster;
  private final ConfigReader reader;
  private final AbortedRecords abortedRecords;
  private final Duration writeTimeout;
  private final Duration requestTimeout;
  private final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
  private final Thread thread = new Thread(this::run, "config-writer");

  private volatile boolean closed;
  private @Nullable KafkaProducer<byte[], byte[]> producer;

  /** {@link ConfigSnapshot#recreations} of the topic that was written last. */
  private int recreations;

  ConfigWriter(
      WorkerConfig config, TopicPartition partition, KafkaCluster cluster, ConfigReader reader) {
    this.producerSettings = producerSettings(config);
    this.group = config.groupId().getBytes(UTF_8);
    this.partition = partition;
    this.cluster = cluster;
    this.reader = reader;
    this.writeTimeout =
        Duration.ofMillis(
            Long.parseLong(
                config
                    .producerSettings()
                    .getOrDefault(
                        ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, WRITE_TIMEOUT.toMillis())
                    .toString()));
    this.requestTimeout =
        writeTimeout.compareTo(REQUEST_TIMEOUT) < 0 ? writeTimeout : REQUEST_TIMEOUT;
    this.abortedRecords = new AbortedRecords(config.internalConsumerSettings(), partition);
    thread.start();
  }

  private static Map<String, Object> producerSettings(WorkerConfig config) {
    Map<String, Object> settings = new HashMap<>();
    settings.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) REQUEST_TIMEOUT.toMillis());
    settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, (int) REQUEST_TIMEOUT.toMillis());
    settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, (int) REQUEST_TIMEOUT.toMillis());
    settings.put(ProducerConfig.RETRY_BACKOFF_MS_CONFIG, RETRY_BACKOFF_MS);
    settings.putAll(config.internalProducerSettings());
    settings.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, config.groupId() + ":configs");
    settings.put(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, TRANSACTION_TIMEOUT_MS);
    return settings;
  }

  /**
   * Makes a change.
   *
   * @param change is given the newest configurations and returns what to write, nothing if all is
   *     well already, or throws; it may be asked again with newer ones
   * @param unwanted completes when nobody waits for the change any more: it is not written then,
   *     unless that has begun
   * @return the snapshot that the change is part of, once it is committed and the reader has it. Fails
   *     with what {@code change} threw, with a {@link ConcurrentChangeException}, with a {@link
   *     CancellationException} if it was unwanted before it was written, or with a {@link
   *     KafkaException}, after which nobody knows yet whether it was made
   */
  CompletableFuture<ConfigSnapshot> write(
      Function<ConfigSnapshot, List<ConfigChange>> change, CompletableFuture<Void> unwanted) {
    Request request = new Request(change, new CompletableFuture<>(), System.nanoTime(), unwanted);
    requests.add(request);
    unwanted.thenRun(
        () -> {
          if (requests.remove(request)) {
            request.cancel();
          }
        });
    if (closed) {
      request.fail(new RejectedExecutionException("The worker stops"));
    }
    return request.done();
  }

  private void run() {
    List<Request> batch = new ArrayList<>();
    try {
      while (!closed) {
        batch.clear();
        batch.add(requests.take());
        requests.drainTo(batch, MAX_BATCH - 1);
        writeOrFail(batch);
      }
    } catch (InterruptedException e) {
      // Closed.
    } finally {
      requests.drainTo(batch);
      batch.forEach(request -> request.fail(new RejectedExecutionException("The worker stops")));
      discardProducer();
    }
  }

  /** The thread must go on, whatever a batch fails with. */
  private void writeOrFail(List<Request> batch) throws InterruptedException {
    try {
      write(batch);
    } catch (RuntimeException | Error e) {
      LOG.error("A change could not be written to the config topic", e);
      discardProducer();
      batch.forEach(request -> request.fail(notWritten(new KafkaException(e.toString(), e))));
      batch.clear();
    }
  }

  /** Has a batch done, one way or another. */
  private void write(List<Request> batch) throws InterruptedException {
    long id = ThreadLocalRandom.current().nextLong();
    reader.watch(id);
    try {
      for (long attempt = 0; !batch.isEmpty(); attempt++) {
        try {
          attempt(batch, id);
        } catch (KafkaException e) {
          discardProducer();
          if (isTooLarge(e) && batch.size() > 1) {
            // One of them is; the others need not suffer for it.
            for (Request request : batch) {
              write(new ArrayList<>(List.of(request)));
            }
            return;
          }
          giveUp(batch, e);
          if (isContended(e)) {
            // Another worker has just begun: it is let finish, which is soon.
            reader.await(reader.snapshot().offset() + 1, OTHERS_TURN);
          }
          Thread.sleep(BACKOFF.backoff(attempt));
        }
      }
    } finally {
      reader.forget(id);
    }
  }

  /** Removes what is done from the batch: all of it, unless this throws. */
  private void attempt(List<Request> batch, long id) throws InterruptedException {
    boolean took = becomeWriter();
    identifyTopic();
    long end = cluster.endOffset(partition, requestTimeout);
    awaitReader(end);
    ConfigSnapshot snapshot = reader.snapshot();
    if (reader.hasSeen(id)) {
      succeed(batch, snapshot);
      return;
    }
    if (snapshot.recreations() != recreations) {
      recreations = snapshot.recreations();
      abortedRecords.skipTo(0);
    }
    long base = generationBase(snapshot);
    List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
    if (took) {
      for (ConfigChange repair : abortedRecords.maskingRecords(end, reader::lastOffset)) {
        records.add(again(snapshot, repair, id, base));
      }
    }
    ConfigSnapshot.Builder next = snapshot.toBuilder();
    for (Request request : List.copyOf(batch)) {
      if (request.isUnwanted()) {
        // Its records are in no transaction that may have been committed: that was looked for.
        request.cancel();
        batch.remove(request);
        continue;
      }
      try {
        for (ConfigChange change : request.change().apply(next.peek())) {
          next.apply(change, base + end + records.size());
          records.add(record(change, id, base));
        }
      } catch (RuntimeException e) {
        request.fail(e);
        batch.remove(request);
      }
    }
    if (!records.isEmpty()) {
      awaitReader(commit(records) + 1);
      if (!reader.hasSeen(id)) {
        // The records are in another topic than the one that was read: it was made just now.
        reader.restart(requestTimeout);
        throw new KafkaException("it was deleted and made again, and is read from its beginning");
      }
    }
    abortedRecords.skipTo(end);
    succeed(batch, reader.snapshot());
  }

  /** Has the topic read again if it is not the one that was read until now. */
  private void identifyTopic() throws InterruptedException {
    Optional<Uuid> topicId = cluster.topicId(partition.topic(), requestTimeout);
    if (topicId.isEmpty()) {
      throw new KafkaException("it is not there");
    }
    if (!reader.identify(topicId.get(), requestTimeout)) {
      throw new KafkaException("it was deleted and made again, and can't be read now");
    }
  }

  private static long generationBase(ConfigSnapshot snapshot) {
    return snapshot.generationBase() == ConfigSnapshot.NO_BASE
        ? System.currentTimeMillis()
        : snapshot.generationBase();
  }

  private void awaitReader(long offset) throws InterruptedException {
    if (!reader.await(offset, requestTimeout)) {
      throw new KafkaException(
          "it was read to offset "
              + reader.snapshot().offset()
              + " of "
              + offset
              + ", and reading has made no progress for "
              + requestTimeout.toSeconds()
              + " s");
    }
  }

  /**
   * Takes the right to write from whoever has it, unless it is this one. Afterwards every earlier
   * transaction is committed or aborted.
   *
   * @return whether it was taken just now
   */
  private boolean becomeWriter() {
    if (producer != null) {
      return false;
    }
    KafkaProducer<byte[], byte[]> opened =
        new KafkaProducer<>(producerSettings, new ByteArraySerializer(), new ByteArraySerializer());
    producer = opened;
    opened.initTransactions();
    return true;
  }

  /** The offset of the last of the records, which are committed then. */
  private long commit(List<ProducerRecord<byte[], byte[]>> records) {
    KafkaProducer<byte[], byte[]> writer = requireNonNull(producer);
    writer.beginTransaction();
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (ProducerRecord<byte[], byte[]> record : records) {
      sent.add(writer.send(record));
    }
    writer.commitTransaction();
    return KafkaFutures.await(
            sent.get(sent.size() - 1), "Kafka lost a record of a committed transaction", requestTimeout)
        .offset();
  }

  private ProducerRecord<byte[], byte[]> record(ConfigChange change, long id, long base) {
    ProducerRecord<byte[], byte[]> record =
        new ProducerRecord<>(
            partition.topic(), partition.partition(), change.key(), change.value());
    record.headers().add(ConfigReader.WRITE_HEADER, bytes(id));
    record.headers().add(ConfigReader.BASE_HEADER, bytes(base));
    record.headers().add(ConfigReader.GROUP_HEADER, group);
    return record;
  }

  /** A record that says what is true already, in place of one that was aborted. */
  private ProducerRecord<byte[], byte[]> again(
      ConfigSnapshot snapshot, ConfigChange like, long id, long base) {
    ProducerRecord<byte[], byte[]> record = record(snapshot.recordFor(like), id, base);
    ConfigSnapshot.StoredConnector connector = snapshot.connector(like.name());
    if (connector != null) {
      record.headers().add(ConfigReader.GENERATION_HEADER, bytes(connector.generation()));
    }
    return record;
  }

  private static byte[] bytes(long value) {
    return ByteBuffer.allocate(Long.BYTES).putLong(value).array();
  }

  private static void succeed(List<Request> batch, ConfigSnapshot snapshot) {
    batch.forEach(request -> request.done().complete(snapshot));
    batch.clear();
  }

  /** Fails, and removes from the batch, what must not be tried again. */
  private void giveUp(List<Request> batch, KafkaException failure) {
    boolean isContended = isContended(failure);
    Duration timeout = isContended ? CONTENTION_TIMEOUT : writeTimeout;
    boolean isFinal = isTooLarge(failure) || CbThrowables.hasCause(failure, AuthorizationException.class);
    for (Request request : List.copyOf(batch)) {
      if (isFinal || request.age().compareTo(timeout) > 0) {
        request.fail(isContended ? new ConcurrentChangeException(failure) : notWritten(failure));
        batch.remove(request);
      }
    }
  }

  private KafkaException notWritten(KafkaException cause) {
    return new KafkaException(
        "The change could not be written to the config topic '"
            + partition.topic()
            + "': "
            + cause.getMessage(),
        cause);
  }

  private static boolean isContended(KafkaException failure) {
    return CbThrowables.hasCause(failure, ProducerFencedException.class)
        || CbThrowables.hasCause(failure, InvalidProducerEpochException.class);
  }

  private static boolean isTooLarge(KafkaException failure) {
    return CbThrowables.hasCause(failure, RecordTooLargeException.class);
  }

  private void discardProducer() {
    KafkaProducer<byte[], byte[]> discarded = producer;
    producer = null;
    if (discarded != null) {
      // Kafka's client throws at once in an interrupted thread.
      boolean interrupted = Thread.interrupted();
      try {
        discarded.close(Duration.ZERO);
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }

  /** Stops writing; what was not answered fails. Blocks for a few seconds at most. */
  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    try {
      thread.join(CLOSE_TIMEOUT.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * @param since when it was asked for, as of {@link System#nanoTime}
   * @param unwanted completes when nobody waits for it any more
   */
  private record Request(
      Function<ConfigSnapshot, List<ConfigChange>> change,
      CompletableFuture<ConfigSnapshot> done,
      long since,
      CompletableFuture<Void> unwanted) {
    boolean isUnwanted() {
      return unwanted.isDone();
    }

    void cancel() {
      fail(new CancellationException("The change was not made, as nobody waits for it any more"));
    }

    Duration age() {
      return Duration.ofNanos(System.nanoTime() - since);
    }

    void fail(RuntimeException failure) {
      done.completeExceptionally(failure);
    }
  }
}
