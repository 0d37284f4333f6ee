// SPDX-License-Identifier: Apache-2.0
package dev.caravan.testkit;

import dev.caravan.cli.process.ChildProcess;
import dev.caravan.cli.process.WorkerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Starts {@code caravan} commands in processes of their own. */
public final class TestProcesses {
  /** The exit status of a Java VM after SIGTERM. */
  public static final int TERMINATED = 143;

  /** A process lives for seconds: good compilation would take longer than it gains. */
  public static final List<String> JAVA_OPTIONS =
      List.of("-Dcaravan.log.level=WARN", "-XX:TieredStopAtLevel=1");

  private TestProcesses() {}

  public static ChildProcess start(String... arguments) throws IOException {
    return ChildProcess.start(JAVA_OPTIONS, arguments);
  }

  /**
   * Starts a worker and returns when its REST API is available.
   *
   * @param more arguments of the command, besides brokers, group and port
   */
  public static WorkerProcess startWorker(String brokers, String group, String... more)
      throws IOException {
    return startWorker(JAVA_OPTIONS, brokers, group, more);
  }

  /** Starts a worker with options for the Java VM. */
  public static WorkerProcess startWorker(
      List<String> javaOptions, String brokers, String group, String... more) throws IOException {
    WorkerProcess worker = new WorkerProcess(brokers, group, javaOptions, more);
    worker.start();
    return worker;
  }

  /** A properties file with a short session: others take over soon when the worker is killed. */
  public static String shortSession(Path directory, int sessionMillis) throws IOException {
    return Files.writeString(
            directory.resolve("worker.properties"),
            "session.timeout.ms=" + sessionMillis + "\nheartbeat.interval.ms=200\n")
        .toString();
  }
}
