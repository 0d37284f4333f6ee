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
 * Ends the process when it is out of memory, as it is good for nothing then: threads that ran into
 * the error are gone, and the others may wait for them without an end. A service manager starts it
 * again, and other workers have its tasks meanwhile.
 *
 * <p>The Java VM does so for the heap, if it has the option {@code -XX:+ExitOnOutOfMemoryError},
 * but neither for direct buffers nor for threads that can't be started: those errors are thrown by
 * Java code. They surface in threads that die, and in libraries that catch everything and log it.
 * So this looks at both: at what no thread catches, and at all that is given to a logger, at any
 * level.
 */
final class OutOfMemoryHandler {
  /** The status that the Java VM's own option ends the process with, too. */
  static final int STATUS = 3;

  private static final Logger LOG = LoggerFactory.getLogger(OutOfMemoryHandler.class);

  /** How deep the causes of an error are searched; a chain of causes may be a ring. */
  private static final int MAX_CAUSES = 20;

  private OutOfMemoryHandler() {}

  /**
   * From now on, an OutOfMemoryError that a thread dies of, or that is logged, ends the process.
   */
  static void install() {
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, failure) -> {
          endIfCausedBy(failure);
          LOG.error("Thread {} has died", thread.getName(), failure);
        });
    LoggerContext context = (LoggerContext) LogManager.getContext(false);
    Watch watch = new Watch();
    watch.start();
    context.addFilter(watch);
    List<String> options = ManagementFactory.getRuntimeMXBean().getInputArguments();
    if (options.stream().noneMatch(option -> option.endsWith("OnOutOfMemoryError"))) {
      LOG.warn(
          "The Java VM has no option -XX:+ExitOnOutOfMemoryError: a process whose heap is full may"
              + " go on without some of its threads. bin/caravan gives it; with java -jar, put it"
              + " before -jar or into JDK_JAVA_OPTIONS");
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
      // No hooks: they may need memory or threads.
      Runtime.getRuntime().halt(STATUS);
    }
  }

  /** Sees what is logged before its level is looked at. */
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
        endIfCausedBy(failure);
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
      endIfCausedBy(failure);
      return Result.NEUTRAL;
    }

    @Override
    public Result filter(
        org.apache.logging.log4j.core.Logger logger,
        Level level,
        @Nullable Marker marker,
        @Nullable Message message,
        @Nullable Throwable failure) {
      endIfCausedBy(failure);
      return Result.NEUTRAL;
    }
  }
}
