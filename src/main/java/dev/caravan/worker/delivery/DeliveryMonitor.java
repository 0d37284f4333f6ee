// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.delivery;

import dev.caravan.connector.ConnectorConfig;
import dev.caravan.worker.delivery.TaskProducer.Wait;
import dev.caravan.worker.kafka.TopicAdmin;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Monitors records that Kafka does not acknowledge. It reports in the task's status what they wait
 * for, and creates a deleted dead-letter topic again. It aborts a producer that gets no
 * acknowledgement for a topic, because its records would block all tasks that share the producer.
 *
 * <p>A producer keeps records of a deleted topic without limit. A record for a topic that never
 * existed waits before it enters the producer; see {@link Wait}.
 *
 * <p>Thread-safe.
 */
final class DeliveryMonitor implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DeliveryMonitor.class);
  private static final Duration PERIOD = Duration.ofSeconds(1);

  /** After this wait, Kafka is asked whether the topic exists. */
  private static final Duration SLOW = Duration.ofSeconds(4);

  /** After this wait, the producer is aborted. Doubled with each replacement for the same topic. */
  static final Duration STUCK = Duration.ofSeconds(15);

  private static final int MAX_DOUBLINGS = 4;

  /** After this time without a replacement, {@link #STUCK} applies undoubled again. */
  private static final Duration FORGET = Duration.ofMinutes(15);

  /** After this wait, producers that prevent the release of a task are aborted. */
  static final Duration RELEASE = Duration.ofSeconds(10);

  /** The number of consecutive replacements for a topic, and the time of the last one. */
  private record Replacement(int times, long at) {}

  private final TopicAdmin topics;
  private final LongSupplier nanoTime;
  private final Set<TaskWriter> writers = ConcurrentHashMap.newKeySet();
  private final Map<TaskWriter, Long> releases = new ConcurrentHashMap<>();
  private final Map<String, Replacement> replacements = new HashMap<>();
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread made = new Thread(task, "delivery-monitor");
            made.setDaemon(true);
            return made;
          });

  DeliveryMonitor(TopicAdmin topics, LongSupplier nanoTime) {
    this.topics = topics;
    this.nanoTime = nanoTime;
  }

  void start() {
    thread.scheduleWithFixedDelay(
        this::tick, PERIOD.toMillis(), PERIOD.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void tick() {
    try {
      check();
    } catch (RuntimeException e) {
      // Only logged, because an exception would end the periodic checks.
      LOG.error("Can't check the unacknowledged records", e);
    }
  }

  void add(TaskWriter writer) {
    writers.add(writer);
  }

  /** Removes a task that has nothing outstanding any more. */
  void remove(TaskWriter writer) {
    writers.remove(writer);
    releases.remove(writer);
  }

  /** Starts the time limit for a stopped task that another worker waits for. */
  void release(TaskWriter writer) {
    releases.putIfAbsent(writer, nanoTime.getAsLong());
  }

  Set<TaskWriter> writers() {
    return writers;
  }

  /** Checks once. May block for a few seconds while Kafka does not answer. */
  void check() {
    releases.forEach(
        (writer, since) -> {
          if (!writers.contains(writer)) {
            releases.remove(writer);
          } else if (nanoTime.getAsLong() - since >= RELEASE.toNanos()) {
            LOG.warn(
                "Task {} has stopped, but Kafka has not acknowledged all of its records within {}"
                    + " s. They are discarded with their producer.",
                writer.task().id(),
                RELEASE.toSeconds());
            writer.abort();
          }
        });
    Set<String> slow = slowTopics();
    if (slow.isEmpty()) {
      writers.forEach(writer -> writer.setWaiting(""));
      return;
    }
    Set<String> missing;
    try {
      missing = topics.missing(slow);
    } catch (KafkaException e) {
      writers.forEach(writer -> updateWaiting(writer, wait -> describeNoAnswer(wait, e)));
      return;
    }
    writers.forEach(writer -> updateWaiting(writer, wait -> describe(writer, wait, missing)));
    writers.forEach(this::replaceStuck);
  }

  private Set<String> slowTopics() {
    Set<String> slow = new TreeSet<>();
    for (TaskWriter writer : writers) {
      for (TaskProducer producer : writer.producers()) {
        producer.waits().stream()
            .filter(DeliveryMonitor::isSlow)
            .map(Wait::topic)
            .forEach(slow::add);
      }
    }
    return slow;
  }

  private static boolean isSlow(Wait wait) {
    return wait.longest().compareTo(SLOW) >= 0;
  }

  private static void updateWaiting(TaskWriter writer, Function<Wait, String> description) {
    writer.setWaiting(
        writer.producers().stream()
            .flatMap(producer -> producer.waits().stream())
            .filter(DeliveryMonitor::isSlow)
            .sorted(Comparator.comparing(Wait::topic))
            .map(description)
            .filter(text -> !text.isEmpty())
            .distinct()
            .reduce((one, other) -> one + "\n" + other)
            .orElse(""));
  }

  private static String describeNoAnswer(Wait wait, KafkaException failure) {
    return "Records for topic \""
        + wait.topic()
        + "\" wait, because Kafka does not answer: "
        + failure.getMessage();
  }

  private String describe(TaskWriter writer, Wait wait, Set<String> missing) {
    String topic = wait.topic();
    if (!missing.contains(topic)) {
      return wait.longest().compareTo(STUCK) < 0
          ? ""
          : "Kafka has acknowledged no record for topic \""
              + topic
              + "\" for more than "
              + STUCK.toSeconds()
              + " s, although the topic exists.";
    }
    ConnectorConfig connector = writer.task().connector();
    if (connector.deadLetterTopic().filter(topic::equals).isPresent()) {
      try {
        topics.create(topic, connector.deadLetterReplication());
        LOG.warn("The dead-letter topic \"{}\" was deleted, and is created again.", topic);
        return "";
      } catch (KafkaException e) {
        return "Records wait for the dead-letter topic \""
            + topic
            + "\", which does not exist and can't be created: "
            + e.getMessage();
      }
    }
    return "Records wait for topic \""
        + topic
        + "\", which does not exist. The broker does not create it, because"
        + " auto.create.topics.enable is false or this worker has no right to. Create the topic;"
        + " the task then continues.";
  }

  private void replaceStuck(TaskWriter writer) {
    if (writer.task().connector().isExactlyOnce()) {
      // Records in transactions have a delivery timeout of their own.
      return;
    }
    for (TaskProducer producer : writer.producers()) {
      for (Wait wait : producer.waits()) {
        int times = replacementsFor(wait.topic());
        if (wait.unacknowledged().compareTo(STUCK.multipliedBy(1L << times)) >= 0
            && !producer.current().isAborted()) {
          LOG.warn(
              "Kafka has acknowledged no record of task {} for topic \"{}\" for {} s. The producer"
                  + " is replaced, and tasks with records in it read them again.",
              writer.task().id(),
              wait.topic(),
              wait.unacknowledged().toSeconds());
          replacements.put(
              wait.topic(),
              new Replacement(Math.min(times + 1, MAX_DOUBLINGS), nanoTime.getAsLong()));
          producer.current().abort();
        }
      }
    }
  }

  private int replacementsFor(String topic) {
    Replacement last = replacements.get(topic);
    return last == null || nanoTime.getAsLong() - last.at() >= FORGET.toNanos() ? 0 : last.times();
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
