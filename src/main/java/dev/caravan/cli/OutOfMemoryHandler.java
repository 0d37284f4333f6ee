// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import java.lang.management.ManagementFactory;
import java.util.List;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Marker;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.filter.AbstractFilter;
import org.apache.logging.log4j.message.Message;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends the process on an {@link OutOfMemoryError}. The process could not continue: the threads that
 * met the error are gone, and other threads may wait for them without end. A service manager starts
 * the process again, and other workers run its tasks in the meantime.
 *
 * <p>The Java VM's option {@code -XX:+ExitOnOutOfMemoryError} covers the heap only. It covers
 * neither direct buffers nor threads that can't be started, because Java code throws these errors.
 * They end threads, or libraries catch and log them. So this handler looks at uncaught exceptions,
 * and at all exceptions that are passed to a logger at any level.
 */
final class OutOfMemoryHandler {
  /** The exit status, the same as that of the Java VM's option. */
  static final int STATUS = 3;

  private static final Logger LOG = LoggerFactory.getLogger(OutOfMemoryHandler.class);

  /** The depth of the search for a cause, because a chain of causes may be a ring. */
  private static final int MAX_CAUSES = 20;

  private OutOfMemoryHandler() {}

  /** Ends the process from now on when an OutOfMemoryError is uncaught or logged. */
  static void install() {
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, failure) -> {
          endIfCausedBy(failure);
          LOG.error("Thread \"{}\" ended with an uncaught exception", thread.getName(), failure);
        });
    LoggerContext context = (LoggerContext) LogManager.getContext(false);
    Watch watch = new Watch();
    watch.start();
    context.addFilter(watch);
    List<String> options = ManagementFactory.getRuntimeMXBean().getInputArguments();
    if (options.stream().noneMatch(option -> option.endsWith("OnOutOfMemoryError"))) {
      LOG.warn(
          "The Java VM runs without -XX:+ExitOnOutOfMemoryError, so the process may continue"
              + " without some of its threads when the heap is full. Use bin/caravan, which sets"
              + " the option, or put it before -jar or into JDK_JAVA_OPTIONS.");
    }
  }

  private static void endIfCausedBy(@Nullable Throwable failure) {
    Throwable cause = failure;
    for (int depth = 0; cause != null && depth < MAX_CAUSES; depth++) {
      if (cause instanceof OutOfMemoryError) {
        end(cause);
      }
      cause = cause.getCause();
    }
  }

  private static void end(Throwable error) {
    try {
      System.err.println("caravan: out of memory, the process ends: " + error.getMessage());
    } finally {
      // Without shutdown hooks, which may need memory or threads.
      Runtime.getRuntime().halt(STATUS);
    }
  }

  /** Sees each log event before its level is checked. */
  private static final class Watch extends AbstractFilter {
    @Override
    public Result filter(
        org.apache.logging.log4j.core.Logger logger,
        Level level,
        @Nullable Marker marker,
        @Nullable String message,
        Object @Nullable ... parameters) {
      if (parameters != null
          && parameters.length > 0
          && parameters[parameters.length - 1] instanceof Throwable failure) {
        return check(failure);
      }
      return Result.NEUTRAL;
    }

    @Override
    public Result filter(
        org.apache.logging.log4j.core.Logger logger,
        Level level,
        @Nullable Marker marker,
        @Nullable Object message,
        @Nullable Throwable failure) {
      return check(failure);
    }

    @Override
    public Result filter(
        org.apache.logging.log4j.core.Logger logger,
        Level level,
        @Nullable Marker marker,
        @Nullable Message message,
        @Nullable Throwable failure) {
      return check(failure);
    }

    private static Result check(@Nullable Throwable failure) {
      endIfCausedBy(failure);
      return Result.NEUTRAL;
    }
  }
}
