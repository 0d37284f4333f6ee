// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A worker in a process of its own, on a free port. It can be started again after each end. Not
 * thread-safe, except for {@link #rest}.
 */
public final class WorkerProcess implements FleetWorker {
  /** The line that a worker prints when its REST API is available; group 1 is the URL. */
  public static final Pattern READY = Pattern.compile("worker: ready (http://\\S+:\\d+)");

  private static final Duration RESPONSE_TIMEOUT = Duration.ofSeconds(10);

  private final List<String> javaOptions;
  private final String[] arguments;
  private @Nullable ChildProcess process;
  private volatile @Nullable ConnectClient rest;

  /**
   * @param heap as for -Xmx
   * @param logLevel of the worker's own log
   */
  public WorkerProcess(String brokers, String group, String heap, String logLevel) {
    this(brokers, group, javaOptions(heap, logLevel));
  }

  /**
   * @param more arguments of the command, besides brokers, group and port
   */
  public WorkerProcess(String brokers, String group, List<String> javaOptions, String... more) {
    this.javaOptions = List.copyOf(javaOptions);
    List<String> all =
        new ArrayList<>(List.of("worker", "-brokers=" + brokers, "-group=" + group, "-port=0"));
    all.addAll(List.of(more));
    arguments = all.toArray(String[]::new);
  }

  /**
   * The options of a Java VM that runs a worker.
   *
   * @param heap as for -Xmx
   * @param logLevel of the worker's own log
   */
  public static List<String> javaOptions(String heap, String logLevel) {
    return List.of(
        "-Xmx" + heap,
        "-XX:+ExitOnOutOfMemoryError",
        "-Dcaravan.log.level=" + logLevel,
        "-Dcaravan.log.libraries=ERROR");
  }

  @Override
  public void start() throws IOException {
    ChildProcess started = ChildProcess.start(javaOptions, arguments);
    process = started;
    rest = new ConnectClient(started.await(READY).group(1), RESPONSE_TIMEOUT);
  }

  /**
   * The process that was started last.
   *
   * @throws IllegalStateException if none was started
   */
  public ChildProcess process() {
    if (process == null) {
      throw new IllegalStateException("The worker was not started.");
    }
    return process;
  }

  @Override
  public ConnectClient rest() {
    ConnectClient client = rest;
    if (client == null) {
      throw new IllegalStateException("The worker was not started.");
    }
    return client;
  }

  /** Sends SIGKILL and waits for the end of the process. */
  public void kill() throws InterruptedException {
    process().kill();
    process().stop();
  }

  @Override
  public Duration stop() {
    long start = System.nanoTime();
    process().close();
    return Duration.ofNanos(System.nanoTime() - start);
  }

  /** Suspends the process for a time. */
  public void suspend(Duration duration) throws IOException, InterruptedException {
    process().suspend();
    TimeUnit.MILLISECONDS.sleep(duration.toMillis());
    process().resume();
  }

  @Override
  public long processStatus(String key) throws IOException {
    return ProcStatus.of(Long.toString(process().pid()), key);
  }

  @Override
  public void close() {
    if (process != null) {
      process.close();
    }
  }
}
