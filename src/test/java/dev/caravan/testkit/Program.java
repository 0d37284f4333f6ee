// SPDX-License-Identifier: Apache-2.0
package dev.caravan.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.cli.Caravan;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A caravan command as a process of its own. */
public final class Program implements AutoCloseable {
  /** What a worker prints when its REST API answers, with the URL as the first group. */
  public static final Pattern WORKER_READY = Pattern.compile("worker: ready (http://\\S+:\\d+)");

  private final Process process;
  private final BufferedReader output;

  private Program(Process process) {
    this.process = process;
    this.output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
  }

  public static Program start(String... arguments) throws IOException {
    return start(List.of(), arguments);
  }

  /**
   * Starts a command.
   *
   * @param javaOptions for the Java VM, for example {@code -Xmx256m}
   */
  public static Program start(List<String> javaOptions, String... arguments) throws IOException {
    return start(ProcessBuilder.Redirect.INHERIT, javaOptions, arguments);
  }

  /**
   * The same, with a file for its log.
   *
   * @param log where its standard error goes
   */
  public static Program start(
      ProcessBuilder.Redirect log, List<String> javaOptions, String... arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-Dcaravan.log.level=WARN");
    // It lives for seconds: compiling well would take longer than it gains.
    command.add("-XX:TieredStopAtLevel=1");
    command.addAll(javaOptions);
    // As the manifest of the application's jar says.
    command.addAll(List.of("--add-exports", "java.base/sun.nio.ch=ALL-UNNAMED"));
    command.add("-cp");
    command.add(
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")));
    command.add(Caravan.class.getName());
    command.addAll(List.of(arguments));
    return new Program(new ProcessBuilder(command).redirectError(log).start());
  }

  /** Reads what it prints until a line matches. */
  public Matcher await(Pattern pattern) throws IOException {
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      Matcher matcher = pattern.matcher(line);
      if (matcher.matches()) {
        return matcher;
      }
    }
    throw new IOException("It ended without printing " + pattern);
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  /** Asks it to stop and returns its status. */
  public int stop() throws InterruptedException {
    process.destroy();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).as("it stops within 30 s").isTrue();
    return process.exitValue();
  }

  /** Ends it as SIGKILL does, in the middle of whatever it is at. */
  public void kill() {
    process.destroyForcibly();
  }

  /** Stops it as SIGSTOP does: it does nothing, and doesn't notice. */
  public void suspend() {
    signal("STOP");
  }

  /** Lets it go on after {@link #suspend}. */
  public void resume() {
    signal("CONT");
  }

  private void signal(String name) {
    try {
      Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
      assertThat(kill.waitFor()).as("the status of kill").isZero();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    kill();
  }
}
