// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A worker in a process of its own, started again after each end. Its REST calls may be made by
 * several threads at a time, the rest by one.
 */
public final class WorkerProcess implements FleetWorker {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(10);
  private static final Pattern READY = Pattern.compile("worker: ready (http://\\S+:\\d+)");

  private final List<String> javaOptions;
  private final String[] arguments;
  private @Nullable Program program;
  private volatile String url = "";

  /**
   * @param heap as for -Xmx
   * @param logLevel of the worker's own log
   */
  public WorkerProcess(String brokers, String group, String heap, String logLevel) {
    this(brokers, group, javaOptions(heap, logLevel));
  }

  public WorkerProcess(String brokers, String group, List<String> javaOptions) {
    this.javaOptions = List.copyOf(javaOptions);
    arguments = new String[] {"worker", "-brokers=" + brokers, "-group=" + group, "-port=0"};
  }

  /**
   * The options of a Java process for a worker.
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
    Program started = Program.start(javaOptions, arguments);
    program = started;
    url = started.await(READY).group(1);
  }

  private Program program() {
    if (program == null) {
      throw new IllegalStateException("the worker was not started");
    }
    return program;
  }

  /** Ends it as SIGKILL does. */
  public void kill() throws InterruptedException {
    program().kill();
    program().process().waitFor();
  }

  @Override
  public Duration stop() {
    long start = System.nanoTime();
    program().close();
    return Duration.ofNanos(System.nanoTime() - start);
  }

  /** Stops it as SIGSTOP does, for a while. */
  public void suspend(Duration duration) throws IOException, InterruptedException {
    signal("STOP");
    TimeUnit.MILLISECONDS.sleep(duration.toMillis());
    signal("CONT");
  }

  private void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(program().process().pid()))
        .start()
        .waitFor();
  }

  @Override
  public void put(String name, Map<String, String> config)
      throws IOException, InterruptedException {
    send(
        request("/connectors/" + name + "/config")
            .header("Content-Type", "application/json")
            .PUT(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(config))),
        List.of(200, 201));
  }

  /**
   * Deletes a connector, if it is there.
   *
   * @throws IOException if the worker doesn't, or doesn't answer
   */
  public void delete(String name) throws IOException, InterruptedException {
    send(request("/connectors/" + name).DELETE(), List.of(204, 404));
  }

  /**
   * Pauses, stops or resumes a connector.
   *
   * @param call {@code pause}, {@code stop} or {@code resume}
   * @throws IOException if the worker doesn't, or doesn't answer
   */
  public void call(String name, String call) throws IOException, InterruptedException {
    send(
        request("/connectors/" + name + "/" + call).PUT(HttpRequest.BodyPublishers.noBody()),
        List.of(202));
  }

  private static String send(HttpRequest.Builder request, List<Integer> expected)
      throws IOException, InterruptedException {
    HttpResponse<String> response =
        HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
    if (!expected.contains(response.statusCode())) {
      throw new IOException(
          "the worker answered " + response.statusCode() + ": " + response.body());
    }
    return response.body();
  }

  @Override
  public JsonNode status(String name) throws IOException, InterruptedException {
    return JSON.readTree(send(request("/connectors/" + name + "/status").GET(), List.of(200)));
  }

  @Override
  public String id() {
    return url.substring(url.lastIndexOf(':'));
  }

  @Override
  public long processStatus(String key) throws IOException {
    return ProcStatus.of(Long.toString(program().process().pid()), key);
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(url + path)).timeout(ANSWER_TIMEOUT);
  }

  @Override
  public void close() {
    if (program != null) {
      program.close();
    }
  }
}
