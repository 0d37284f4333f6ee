// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import java.io.IOException;
import java.time.Duration;

/**
 * A worker of a group that is measured. It can be started again after each stop. Not thread-safe,
 * except for {@link #rest}.
 */
public interface FleetWorker extends AutoCloseable {
  /** Starts the worker and returns when its REST API is available. */
  void start() throws IOException;

  /** Stops the worker in order and returns the time that this took. */
  Duration stop();

  /** A client of the REST API of the worker that was started last. */
  ConnectClient rest();

  /** The end of the worker's id: a colon and its port. */
  default String id() {
    String url = rest().url();
    return url.substring(url.lastIndexOf(':'));
  }

  /** A value of the status of the worker's process, such as {@code VmRSS} in kB; 0 if unknown. */
  long processStatus(String key) throws IOException;

  @Override
  void close();
}
