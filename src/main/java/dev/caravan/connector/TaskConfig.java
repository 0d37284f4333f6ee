// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.component.DrainRate;
import dev.caravan.record.DeadLetterQueue;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A task's part of a connector: the i-th of n equal shares of its vBuckets and of its drain rate.
 *
 * <p>Which vBuckets these are is known only on connecting, so a connector has its tasks at once,
 * without waiting for Couchbase.
 *
 * @param connector what all tasks of the connector have in common
 * @param task the number of the task, from 0
 * @param tasks how many tasks the connector has
 */
public record TaskConfig(ConnectorConfig connector, int task, int tasks) {
  /** The setting of a kafka endpoint's producer that names the task, for who makes producers. */
  public static final String PRODUCER_SETTING = "caravan.task";

  /** What a transaction may take besides waiting: a busy machine, a slow broker, the commit. */
  private static final Duration TRANSACTION_MARGIN = Duration.ofSeconds(10);

  private static final Duration SHORTEST_TRANSACTION_TIMEOUT = Duration.ofSeconds(15);

  private static final Pattern ODD = Pattern.compile("[^A-Za-z0-9._-]");

  public TaskConfig {
    if (task < 0 || task >= tasks) {
      throw new IllegalArgumentException("There is no task " + task + " of " + tasks);
    }
  }

  /** As the {@code vbuckets} option of the component takes it: {@code i/n}. */
  public String vbuckets() {
    return task + "/" + tasks;
  }

  /** The task's share of the connector's drain rate. */
  public DrainRate drainRate() {
    return DrainRate.of((double) connector.drainRate() / tasks);
  }

  /**
   * After how long a transaction of the task is committed; zero if each change has one of its own,
   * because with a drain rate this low a transaction would time out while the next change waits.
   */
  public Duration transactionInterval() {
    Duration interval = connector.get(ConnectorOptions.TRANSACTION_INTERVAL);
    DrainRate rate = drainRate();
    boolean slow = !rate.unlimited() && rate.periodMillis() > interval.toMillis();
    return slow ? Duration.ZERO : interval;
  }

  /**
   * After how long Kafka may take a transaction of the task for abandoned: it lasts for an interval
   * and a wait in the throttle, unless each change has one of its own, which begins after the wait.
   */
  public Duration transactionTimeout() {
    Duration interval = transactionInterval();
    DrainRate rate = drainRate();
    boolean waits = !interval.isZero() && !rate.unlimited();
    Duration longest =
        interval.plusMillis(waits ? rate.periodMillis() : 0).plus(TRANSACTION_MARGIN);
    return longest.compareTo(SHORTEST_TRANSACTION_TIMEOUT) > 0
        ? longest
        : SHORTEST_TRANSACTION_TIMEOUT;
  }

  /** What becomes of documents of this task that can't be published; empty if they fail it. */
  public Optional<DeadLetterQueue> deadLetterQueue() {
    return connector.deadLetterQueue(task);
  }

  /** The client id of the task's own producer, as Kafka Connect's tasks have it. */
  public String producerClientId() {
    return "connector-producer-" + id();
  }

  /**
   * The id with nothing in it that a route id, or a placeholder, can't have: "~" and the code point
   * in hexadecimal stand for other characters.
   */
  public String routeId() {
    return ODD.matcher(id()).replaceAll(odd -> "~%x~".formatted(odd.group().codePointAt(0)));
  }

  /** {@code <connector>-<task>}, as Kafka Connect names a task. */
  public String id() {
    return connector.name() + "-" + task;
  }
}
