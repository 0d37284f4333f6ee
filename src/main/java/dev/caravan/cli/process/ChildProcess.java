// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A {@code caravan} command in a process of its own. Its standard output is read by {@link #await}
 * only: a process that prints more than a pipe holds stands still until somebody reads it.
 *
 * <p>Not thread-safe, except for {@link #kill}, {@link #suspend} and {@link #resume}.
 */
public final class ChildProcess implements AutoCloseable {
  /** The prefixes of Java options that children inherit from this process, to start faster. */
  private static final List<String> INHERITED =
      List.of("-XX:TieredStopAtLevel=", "-XX:SharedArchiveFile=", "-Xlog:cds");

  /** The name of the main class, which depends on this package. */
  public static final String MAIN_CLASS = "dev.caravan.cli.Caravan";

  /** A worker ends within this time after SIGTERM. */
  private static final int STOP_SECONDS = 25;

  private final Process process;
  private final BufferedReader output;

  public ChildProcess(Process process) {
    this.process = process;
    this.output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
  }

  /** Starts a command that writes its log to the standard error of this process. */
  public static ChildProcess start(List<String> javaOptions, String... arguments)
      throws IOException {
    return new ChildProcess(
        builder(javaOptions, arguments).redirectError(ProcessBuilder.Redirect.INHERIT).start());
  }

  /**
   * A builder of a process that runs a command.
   *
   * @param javaOptions for the Java VM, such as {@code -Xmx256m}
   * @param arguments the command and its options
   */
  public static ProcessBuilder builder(List<String> javaOptions, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(option -> INHERITED.stream().anyMatch(option::startsWith))
        .forEach(command::add);
    command.addAll(javaOptions);
    // As the manifest of the application's jar says.
    command.addAll(List.of("--add-exports", "java.base/sun.nio.ch=ALL-UNNAMED"));
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(MAIN_CLASS);
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command);
  }

  /**
   * Reads the standard output until a line matches.
   *
   * @throws IOException if the process ends before
   */
  public Matcher await(Pattern pattern) throws IOException {
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      Matcher matcher = pattern.matcher(line);
      if (matcher.matches()) {
        return matcher;
      }
    }
    throw new IOException("The process ended without a line like \"" + pattern + "\".");
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  long pid() {
    return process.pid();
  }

  /** Sends SIGTERM, waits up to 25 s, and then sends SIGKILL. Returns the exit status. */
  public int stop() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
      kill();
    }
    return process.waitFor();
  }

  /** Sends SIGKILL. */
  public void kill() {
    process.destroyForcibly();
  }

  /** Sends SIGSTOP. */
  public void suspend() throws IOException, InterruptedException {
    signal("STOP");
  }

  /** Sends SIGCONT. */
  public void resume() throws IOException, InterruptedException {
    signal("CONT");
  }

  private void signal(String name) throws IOException, InterruptedException {
    int status =
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
    if (status != 0) {
      throw new IOException("kill -" + name + " ended with status " + status + ".");
    }
  }

  /** Stops the process as {@link #stop} does. */
  @Override
  public void close() {
    try {
      stop();
    } catch (InterruptedException e) {
      kill();
      Thread.currentThread().interrupt();
    }
  }
}
