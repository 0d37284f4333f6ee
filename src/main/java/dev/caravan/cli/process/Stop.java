// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.logging.log4j.LogManager;

/** Running until Ctrl-C or SIGTERM, and stopping in order then. */
public final class Stop {
  private Stop() {}

  /**
   * Closes what runs when the process is asked to stop, before it ends. Does not return: the
   * process ends with the status of the signal.
   *
   * @param running what to close
   */
  public static void await(AutoCloseable running) throws Exception {
    await(running, new CompletableFuture<>());
  }

  /**
   * The same, or until what runs has failed.
   *
   * @throws Exception what it has failed with
   */
  public static void await(AutoCloseable running, Future<?> failure) throws Exception {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> close(running), "stop"));
    try {
      failure.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof Exception cause ? cause : e;
    }
  }

  private static void close(AutoCloseable running) {
    try {
      running.close();
    } catch (Exception e) {
      System.err.println("caravan: can't stop cleanly: " + e.getMessage());
    } finally {
      // Last: Log4j's own hook would end the log before anything has stopped.
      LogManager.shutdown();
    }
  }
}
