// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

/** A started task. It streams, or tries to, until it is closed. Safe for use by several threads. */
public interface Task extends AutoCloseable {
  /** Returns the status of the task. Never blocks. */
  TaskStatus status();

  /**
   * Starts to drain the task: it reads no new changes and finishes those in flight. Never blocks.
   */
  void drain();

  /**
   * Stops the task and releases its resources. Its saved offsets remain. May block for several
   * seconds.
   */
  @Override
  void close();
}
