// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Processes with errors that the Java VM's option does not cover. */
class OutOfMemoryHandlerTest {
  private static final long LARGER_THAN_ANY_MEMORY = 1L << 46;

  @ParameterizedTest
  @CsvSource({
    "uncaught, direct buffer memory",
    "logged, direct buffer memory",
    "thread, unable to create native thread"
  })
  void anOutOfMemoryErrorEndsTheProcessWithAMessage(String way, String message) throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:MaxDirectMemorySize=1m",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                Victim.class.getName(),
                way)
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(output).isEqualTo(OutOfMemoryHandler.STATUS);
    assertThat(output).containsIgnoringCase("caravan: out of memory, the process ends: ");
    assertThat(output).containsIgnoringCase(message);
  }

  /** A process that would not end by itself. */
  static final class Victim {
    private static final Logger LOG = LoggerFactory.getLogger("org.apache.kafka.clients.admin.X");

    public static void main(String[] arguments) throws Exception {
      OutOfMemoryHandler.install();
      switch (arguments[0]) {
        case "uncaught" -> new Thread(Victim::allocate).start();
        // Logged as a cause by a library whose log is off.
        case "logged" ->
            CompletableFuture.runAsync(Victim::allocate)
                .whenComplete((none, failure) -> LOG.debug("It goes on: {}", "x", failure));
        default -> {
          try {
            new Thread(null, () -> {}, "large", LARGER_THAN_ANY_MEMORY).start();
          } catch (Error e) {
            LOG.warn("It goes on", new IllegalStateException(e));
          }
        }
      }
      new CountDownLatch(1).await();
    }

    private static void allocate() {
      ByteBuffer.allocateDirect(2 * 1024 * 1024);
    }
  }
}
