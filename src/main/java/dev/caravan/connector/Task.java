// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

/** A task that was started: it streams, or tries to, until it is closed. */
public interface Task extends AutoCloseable {
  /** How the task is doing. Never blocks; may be called by any thread. */
  TaskStatus status();

  /** Tells the task to finish what it has begun and take nothing new. Returns at once. */
  void drain();

  /**
   * Stops the task and takes away all that belongs to it. May block for some seconds. Its offsets
   * stay.
   */
  @Override
  void close();
}
