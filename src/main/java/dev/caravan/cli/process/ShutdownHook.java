// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.logging.log4j.LogManager;

/** Runs until Ctrl-C or SIGTERM, and then stops in order. */
public final class ShutdownHook {
  private ShutdownHook() {}

  /**
   * Installs a shutdown hook that closes a resource, and waits. Does not return: the process ends
   * with the status of the signal.
   */
  public static void installAndWait(AutoCloseable running) throws Exception {
    installAndWait(running, new CompletableFuture<>());
  }

  /**
   * Installs a shutdown hook that closes a resource, and waits until a future fails.
   *
   * @throws Exception the cause of the failure
   */
  public static void installAndWait(AutoCloseable running, Future<?> failure) throws Exception {
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
      // Last, because Log4j's own hook would end the log before anything has stopped.
      LogManager.shutdown();
    }
  }
}
