// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import java.util.concurrent.CountDownLatch;

/** Waiting for Ctrl-C or SIGTERM, and stopping in order then. */
final class Stop {
  private Stop() {}

  /**
   * Waits until the process is asked to stop, then closes what runs, before the process ends.
   *
   * @param running what to close
   */
  static void await(AutoCloseable running) throws InterruptedException {
    CountDownLatch asked = new CountDownLatch(1);
    Thread main = Thread.currentThread();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  try {
                    running.close();
                  } catch (Exception e) {
                    System.err.println("caravan: can't stop cleanly: " + e.getMessage());
                  }
                  asked.countDown();
                },
                "stop"));
    asked.await();
    main.interrupt();
  }
}
