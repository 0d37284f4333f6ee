// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.component.DrainRate;
import dev.caravan.record.DeadLetterQueue;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The configuration of a task: one of n equal shares of the connector's vBuckets and drain rate.
 * Immutable.
 *
 * <p>The task resolves its share to vBuckets when it connects. So the tasks of a connector are
 * known without a connection to Couchbase.
 *
 * @param connector the configuration of the connector
 * @param task the number of the task, from 0
 * @param tasks the number of tasks of the connector
 */
public record TaskConfig(ConnectorConfig connector, int task, int tasks) {
  /** The producer property that names the task to the factory of Kafka clients. */
  public static final String PRODUCER_SETTING = "caravan.task";

  /** Time for delays other than waits: a busy machine, a slow broker, the commit. */
  private static final Duration TRANSACTION_MARGIN = Duration.ofSeconds(10);

  private static final Duration MIN_TRANSACTION_TIMEOUT = Duration.ofSeconds(15);

  private static final Pattern ESCAPED = Pattern.compile("[^A-Za-z0-9._-]");

  public TaskConfig {
    if (task < 0 || task >= tasks) {
      throw new IllegalArgumentException("task " + task + " is not one of " + tasks + " tasks");
    }
  }

  /** Returns the tasks of a connector, {@code tasks.max} of them. */
  public static List<TaskConfig> of(ConnectorConfig connector) {
    int tasks = connector.get(ConnectorOptions.TASKS_MAX);
    return IntStream.range(0, tasks)
        .mapToObj(task -> new TaskConfig(connector, task, tasks))
        .toList();
  }

  /** Returns the value of the component's option {@code vbuckets}: {@code i/n}. */
  public String vbuckets() {
    return task + "/" + tasks;
  }

  /** Returns the task's share of the connector's drain rate. */
  public DrainRate drainRate() {
    return DrainRate.of((double) connector.drainRate() / tasks);
  }

  /**
   * Returns the time after which a transaction of the task is committed. Zero means that each
   * change has its own transaction: with such a low drain rate, a transaction would time out while
   * the next change waits.
   */
  public Duration transactionInterval() {
    Duration interval = connector.get(ConnectorOptions.TRANSACTION_INTERVAL);
    DrainRate rate = drainRate();
    boolean slow = !rate.unlimited() && rate.periodMillis() > interval.toMillis();
    return slow ? Duration.ZERO : interval;
  }

  /**
   * Returns the transaction timeout for Kafka. A transaction lasts for an interval and a wait in
   * the throttle. If each change has its own transaction, it begins after the wait.
   */
  public Duration transactionTimeout() {
    Duration interval = transactionInterval();
    DrainRate rate = drainRate();
    boolean waits = !interval.isZero() && !rate.unlimited();
    Duration longest =
        interval.plusMillis(waits ? rate.periodMillis() : 0).plus(TRANSACTION_MARGIN);
    return longest.compareTo(MIN_TRANSACTION_TIMEOUT) > 0 ? longest : MIN_TRANSACTION_TIMEOUT;
  }

  /** Returns the dead letter queue of the task; empty if refused documents fail the task. */
  public Optional<DeadLetterQueue> deadLetterQueue() {
    return connector.deadLetterQueue(task);
  }

  /** Returns the client id of the task's own producer, in Kafka Connect's form. */
  public String producerClientId() {
    return "connector-producer-" + id();
  }

  /**
   * Returns the id of the task's route: {@link #id} with each character that is not allowed in a
   * route id or a placeholder replaced by its hexadecimal code point between two "~".
   */
  public String routeId() {
    return ESCAPED
        .matcher(id())
        .replaceAll(character -> "~%x~".formatted(character.group().codePointAt(0)));
  }

  /** Returns the id in Kafka Connect's form, {@code <connector>-<task>}. */
  public String id() {
    return connector.name() + "-" + task;
  }
}
