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
 * Writes changes to the config topic. Each change is computed from all records that are committed
 * before it.
 *
 * <p>All workers of a cluster write with the same transactional id, so that only the worker that
 * initialized its producer last can commit. It reads the topic to its end first, and no other
 * worker can commit after that. If the result of a commit is unknown, the writer looks for the id
 * of the write in the topic before it answers or tries again.
 *
 * <p>Thread-safe. A thread of its own writes all waiting changes in one transaction.
 */
final class ConfigWriter implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ConfigWriter.class);

  /** How long a change is retried while other workers write too. */
  private static final Duration CONTENTION_TIMEOUT = Duration.ofSeconds(10);

  /** How long a change is retried while Kafka does not answer, unless the configuration sets it. */
  private static final Duration WRITE_TIMEOUT = Duration.ofSeconds(30);

  private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);
  private static final int TRANSACTION_TIMEOUT_MS = 15_000;

  /**
   * A new writer waits for the end of the earlier transaction; this is the interval of its
   * requests.
   */
  private static final int RETRY_BACKOFF_MS = 20;

  private static final Duration OTHER_WRITER_WAIT = Duration.ofMillis(300);

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

  /** The {@link ConfigSnapshot#recreations} of the topic that was written last. */
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
   * Writes a change.
   *
   * @param change returns the records to write for the current snapshot; none if there is nothing
   *     to change. May throw to refuse the change. It may be called several times
   * @param unwanted completes when nobody waits for the change any more; it is then not written,
   *     unless writing has begun
   * @return the snapshot that contains the change, once it is committed and read. Fails with the
   *     exception of {@code change}, with a {@link ConcurrentChangeException}, with a {@link
   *     CancellationException} if the change was cancelled, or with a {@link KafkaException}. After
   *     a {@link KafkaException} the change may have been written
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
      request.fail(new RejectedExecutionException("The worker is stopping."));
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
      // The writer is closed.
    } finally {
      requests.drainTo(batch);
      batch.forEach(
          request -> request.fail(new RejectedExecutionException("The worker is stopping.")));
      discardProducer();
    }
  }

  /** Completes or fails all requests of a batch. Does not throw, so that the thread continues. */
  private void writeOrFail(List<Request> batch) throws InterruptedException {
    try {
      write(batch);
    } catch (RuntimeException | Error e) {
      LOG.error("Failed to write to the config topic", e);
      discardProducer();
      batch.forEach(request -> request.fail(notWritten(new KafkaException(e.toString(), e))));
      batch.clear();
    }
  }

  /** Writes a batch, and retries until each request is completed or has failed. */
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
            // One of the records is too large. Write them one by one, so that only that one fails.
            for (Request request : batch) {
              write(new ArrayList<>(List.of(request)));
            }
            return;
          }
          failFinally(batch, e);
          if (isContended(e)) {
            // Another worker has just become the writer. Let it finish.
            reader.await(reader.snapshot().offset() + 1, OTHER_WRITER_WAIT);
          }
          Thread.sleep(BACKOFF.backoff(attempt));
        }
      }
    } finally {
      reader.forget(id);
    }
  }

  /** Tries once to write a batch. Removes the completed requests from it. */
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
        records.add(currentRecord(snapshot, repair, id, base));
      }
    }
    ConfigSnapshot.Builder next = snapshot.toBuilder();
    for (Request request : List.copyOf(batch)) {
      if (request.isCancelled()) {
        // Not in an uncertain transaction: hasSeen() was checked above.
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
        // The topic was deleted and created again between reading and writing.
        reader.restart(requestTimeout);
        throw new KafkaException(
            "it was deleted and created again, and is now read from its beginning");
      }
    }
    abortedRecords.skipTo(end);
    succeed(batch, reader.snapshot());
  }

  /** Restarts the reader if the topic was deleted and created again. */
  private void identifyTopic() throws InterruptedException {
    Optional<Uuid> topicId = cluster.topicId(partition.topic(), requestTimeout);
    if (topicId.isEmpty()) {
      throw new KafkaException("it does not exist");
    }
    if (!reader.identify(topicId.get(), requestTimeout)) {
      throw new KafkaException("it was deleted and created again, and can't be read yet");
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
   * Becomes the only worker that can write, if it is not already. All earlier transactions are then
   * committed or aborted.
   *
   * @return whether this worker became the writer with this call
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

  /** Commits the records and returns the offset of the last one. */
  private long commit(List<ProducerRecord<byte[], byte[]>> records) {
    KafkaProducer<byte[], byte[]> writer = requireNonNull(producer);
    writer.beginTransaction();
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (ProducerRecord<byte[], byte[]> record : records) {
      sent.add(writer.send(record));
    }
    writer.commitTransaction();
    return KafkaFutures.await(
            sent.get(sent.size() - 1),
            "Kafka lost a record of a committed transaction",
            requestTimeout)
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

  /** Returns a record with the current value of a key, to replace an aborted record. */
  private ProducerRecord<byte[], byte[]> currentRecord(
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

  /** Fails those requests that must not be retried, and removes them from the batch. */
  private void failFinally(List<Request> batch, KafkaException failure) {
    boolean isContended = isContended(failure);
    Duration timeout = isContended ? CONTENTION_TIMEOUT : writeTimeout;
    boolean isFinal =
        isTooLarge(failure) || CbThrowables.hasCause(failure, AuthorizationException.class);
    for (Request request : List.copyOf(batch)) {
      if (isFinal || request.age().compareTo(timeout) > 0) {
        request.fail(isContended ? new ConcurrentChangeException(failure) : notWritten(failure));
        batch.remove(request);
      }
    }
  }

  private KafkaException notWritten(KafkaException cause) {
    return new KafkaException(
        "The change could not be written to the config topic \""
            + partition.topic()
            + "\": "
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
      // In an interrupted thread, the close of Kafka's client fails at once.
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

  /** Stops writing and fails all waiting changes. Blocks for 5 s at most. */
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
   * A change that waits to be written.
   *
   * @param since the {@link System#nanoTime} of the request
   * @param unwanted completes when nobody waits for the change any more
   */
  private record Request(
      Function<ConfigSnapshot, List<ConfigChange>> change,
      CompletableFuture<ConfigSnapshot> done,
      long since,
      CompletableFuture<Void> unwanted) {
    boolean isCancelled() {
      return unwanted.isDone();
    }

    void cancel() {
      fail(
          new CancellationException(
              "The change was cancelled, because nobody waits for it any more."));
    }

    Duration age() {
      return Duration.ofNanos(System.nanoTime() - since);
    }

    void fail(RuntimeException failure) {
      done.completeExceptionally(failure);
    }
  }
}
