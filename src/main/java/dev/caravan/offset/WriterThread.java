// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Creates the threads that write the saves of offset stores. */
final class WriterThread {
  private static final int IDLE_SECONDS = 10;

  private WriterThread() {}

  /** Returns an executor with one daemon thread, which ends when it is idle for 10 s. */
  static Executor executor(String name) {
    ThreadPoolExecutor executor =
        new ThreadPoolExecutor(
            1,
            1,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, name);
              thread.setDaemon(true);
              return thread;
            });
    executor.allowCoreThreadTimeOut(true);
    return executor;
  }
}
