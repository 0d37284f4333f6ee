// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.offset.OffsetStore;

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
}
