// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.component.DrainRate;

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

  /** {@code <connector>-<task>}, as Kafka Connect names a task. */
  public String id() {
    return connector.name() + "-" + task;
  }
}
