// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.kafka;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the partitions of a topic from their beginning and then follows them. Reads on a thread of
 * its own, which continues after every error of Kafka. Thread-safe.
 */
public final class TopicLogReader implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TopicLogReader.class);

  /** Handles the records of a topic. Its methods are called on the reader's thread. */
  public interface Handler {
    /**
     * Handles the records of one poll.
     *
     * @param records the records; there may be none, for example after an aborted transaction
     * @param positions the next offset to read, per partition
     */
    void onRecords(ConsumerRecords<byte[], byte[]> records, Map<TopicPartition, Long> positions);

    /** Handles a topic that was deleted and created again. Reading starts at its beginning. */
    void onRecreated();
  }

  private static final Duration POLL = Duration.ofSeconds(1);
  private static final long BACKOFF_MILLIS = 500;
  private static final long CLOSE_MILLIS = 5000;

  private final Map<String, Object> consumerSettings;
  private final Handler handler;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition advanced = lock.newCondition();

  /** Only the reader's thread changes it, with the lock held. */
  private final Map<TopicPartition, Long> positions = new HashMap<>();

  /** Counts the changes of {@link #positions}. Guarded by the lock. */
  private long advances;

  private final Thread thread;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final AtomicBoolean mustRestart = new AtomicBoolean();
  private volatile @Nullable KafkaConsumer<byte[], byte[]> consumer;

  /**
   * Creates a reader; {@link #start} starts it.
   *
   * @param name the name of the reader's thread
   * @param handler handles what is read, on the reader's thread
   */
  public TopicLogReader(
      String name,
      Map<String, Object> consumerSettings,
      List<TopicPartition> partitions,
      Handler handler) {
    this.consumerSettings = Map.copyOf(consumerSettings);
    this.handler = handler;
    this.thread = new Thread(this::run, name);
    partitions.forEach(partition -> positions.put(partition, 0L));
  }

  public void start() {
    thread.start();
  }

  /**
   * Restarts at the beginning, because the topic was deleted and created again and its positions
   * don't show it. Does not block; the handler's {@link Handler#onRecreated} is called later.
   */
  public void restart() {
    mustRestart.set(true);
    KafkaConsumer<byte[], byte[]> open = consumer;
    if (open != null) {
      open.wakeup();
    }
  }

  private void run() {
    try {
      while (closed.getCount() > 0) {
        if (mustRestart.get()) {
          begin();
        }
        follow();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void follow() throws InterruptedException {
    try {
      // The constructor fails too, for example while no broker's name can be resolved.
      KafkaConsumer<byte[], byte[]> opened =
          new KafkaConsumer<>(
              consumerSettings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
      consumer = opened;
      try {
        follow(opened);
      } finally {
        // Do not wait for outstanding fetches, which takes half a second.
        opened.close(Duration.ZERO);
      }
    } catch (WakeupException e) {
      // A close or a restart; the loop condition handles both.
    } catch (KafkaException | IllegalStateException e) {
      LOG.error("Can't read {}, retrying: {}", positions, e.toString());
      closed.await(BACKOFF_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  private void follow(KafkaConsumer<byte[], byte[]> opened) {
    opened.assign(positions.keySet());
    positions.forEach(opened::seek);
    while (closed.getCount() > 0 && !mustRestart.get()) {
      ConsumerRecords<byte[], byte[]> records = opened.poll(POLL);
      Map<TopicPartition, Long> reached = new HashMap<>();
      positions.keySet().forEach(partition -> reached.put(partition, opened.position(partition)));
      if (reached.entrySet().stream().anyMatch(this::isBackwards)) {
        begin();
        return;
      }
      if (!reached.equals(positions)) {
        handler.onRecords(records, reached);
        advance(reached);
      }
    }
  }

  private void begin() {
    mustRestart.set(false);
    LOG.warn("{} were deleted and created again, and are read from the beginning.", positions);
    Map<TopicPartition, Long> start = new HashMap<>();
    positions.keySet().forEach(partition -> start.put(partition, 0L));
    advance(start);
    handler.onRecreated();
  }

  private void advance(Map<TopicPartition, Long> reached) {
    lock.lock();
    try {
      positions.putAll(reached);
      advances++;
      advanced.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until all records before the given offsets are handled.
   *
   * @param patience how long to wait without progress in any partition
   * @return false if there was no progress for that long, or if this reader is closed
   */
  public boolean await(Map<TopicPartition, Long> offsets, Duration patience)
      throws InterruptedException {
    lock.lock();
    try {
      long seen = advances;
      long left = patience.toNanos();
      while (!isReached(offsets)) {
        if (left <= 0 || closed.getCount() == 0) {
          return false;
        }
        left = advanced.awaitNanos(left);
        if (advances != seen) {
          seen = advances;
          left = patience.toNanos();
        }
      }
      return true;
    } finally {
      lock.unlock();
    }
  }

  private boolean isReached(Map<TopicPartition, Long> offsets) {
    return offsets.entrySet().stream()
        .allMatch(target -> positions.getOrDefault(target.getKey(), 0L) >= target.getValue());
  }

  /** Returns the next offset to read, per partition. All records before it are handled. */
  public Map<TopicPartition, Long> positions() {
    lock.lock();
    try {
      return Map.copyOf(positions);
    } finally {
      lock.unlock();
    }
  }

  private boolean isBackwards(Map.Entry<TopicPartition, Long> reached) {
    return reached.getValue() < positions.getOrDefault(reached.getKey(), 0L);
  }

  /** Stops reading. A waiting {@link #await} returns false. Blocks for 5 s at most. */
  @Override
  public void close() {
    closed.countDown();
    lock.lock();
    try {
      advanced.signalAll();
    } finally {
      lock.unlock();
    }
    KafkaConsumer<byte[], byte[]> open = consumer;
    if (open != null) {
      open.wakeup();
    }
    try {
      thread.join(CLOSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
