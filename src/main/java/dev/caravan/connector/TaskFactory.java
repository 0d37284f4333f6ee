// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.offset.OffsetStore;
import java.time.Duration;

/** Starts tasks. Safe for use by several threads. */
public interface TaskFactory {
  /**
   * Starts a task. Does not wait for Couchbase: the task connects on its own.
   *
   * @param task the configuration of the task
   * @param offsets the offset store of the connector
   * @throws Exception if the task cannot be started; nothing of it remains
   */
  Task start(TaskConfig task, OffsetStore offsets) throws Exception;

  /**
   * Does the work that makes the first start of a task in a new process slow, such as loading
   * classes. Publishes nothing and commits nothing. Blocks until the work is complete or has
   * failed, at most for the timeout.
   *
   * @param example one of the tasks that may start here
   */
  default void warmUp(TaskConfig example, Duration timeout) {}
}
