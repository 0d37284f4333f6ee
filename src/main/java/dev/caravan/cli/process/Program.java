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
 * Another caravan command as a process of its own. What it says as an error goes where this
 * process's errors go.
 *
 * @param output what it prints; somebody has to read it, if it is much
 */
public record Program(Process process, BufferedReader output) implements AutoCloseable {
  /** The prefixes of Java options that children inherit from this process, to start faster. */
  private static final List<String> INHERITED =
      List.of("-XX:TieredStopAtLevel=", "-XX:SharedArchiveFile=", "-Xlog:cds");

  /** A name instead of the class, which depends on this package. */
  public static final String MAIN_CLASS = "dev.caravan.cli.Caravan";

  /** A worker promises to end within that. */
  private static final int STOP_SECONDS = 25;

  public static Program start(List<String> javaOptions, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(javaOptions);
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(option -> INHERITED.stream().anyMatch(option::startsWith))
        .forEach(command::add);
    // As the manifest of the application's jar says.
    command.addAll(List.of("--add-exports", "java.base/sun.nio.ch=ALL-UNNAMED"));
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(MAIN_CLASS);
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    return new Program(
        process, new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8)));
  }

  /**
   * Reads what it prints until a line matches.
   *
   * @throws IOException if it ends before
   */
  public Matcher await(Pattern pattern) throws IOException {
    for (String line = output.readLine(); line != null; line = output.readLine()) {
      Matcher matcher = pattern.matcher(line);
      if (matcher.matches()) {
        return matcher;
      }
    }
    throw new IOException("A process ended without printing " + pattern);
  }

  /** Ends it as SIGKILL does. */
  void kill() {
    process.destroyForcibly();
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
