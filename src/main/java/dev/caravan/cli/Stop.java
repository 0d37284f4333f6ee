// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import java.util.concurrent.CountDownLatch;

/** Running until Ctrl-C or SIGTERM, and stopping in order then. */
final class Stop {
  private Stop() {}

  /**
   * Closes what runs when the process is asked to stop, before it ends. Does not return: the
   * process ends with the status of the signal.
   *
   * @param running what to close
   */
  static void await(AutoCloseable running) throws InterruptedException {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> close(running), "stop"));
    new CountDownLatch(1).await();
  }

  private static void close(AutoCloseable running) {
    try {
      running.close();
    } catch (Exception e) {
      System.err.println("caravan: can't stop cleanly: " + e.getMessage());
    }
  }
}
