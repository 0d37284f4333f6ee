// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.offset.OffsetStore;
import java.time.Duration;

/** Starts tasks. Safe for use by several threads. */
public interface TaskFactory {
  /**
   * Starts a task and returns without waiting for Couchbase, which the task does by itself.
   *
   * @param task what to stream
   * @param offsets where the connector's tasks keep their offsets
   * @throws Exception if the task can't be started; nothing of it is left then
   */
  Task start(TaskConfig task, OffsetStore offsets) throws Exception;

  /**
   * Does once what the first start of a task takes long for in a new process, such as loading
   * classes, so that the first task starts sooner. Publishes nothing and commits nothing. Blocks
   * until that is done or fails, at most for the timeout.
   *
   * @param example a task of those that may start here
   */
  default void warmUp(TaskConfig example, Duration timeout) {}
}
