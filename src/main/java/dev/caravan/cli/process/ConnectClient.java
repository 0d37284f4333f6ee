// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Set;

/**
 * A client of a worker's REST API. A response with an unexpected status is an {@link IOException}
 * that has the status and the body in its message. Thread-safe.
 */
public final class ConnectClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  /** The longest time that a worker takes for a write. */
  private static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(60);

  private final String url;
  private final Duration timeout;

  /**
   * A client that waits up to 60 s for each response.
   *
   * @param url such as {@code http://host:port}
   */
  public ConnectClient(String url) {
    this(url, DEFAULT_TIMEOUT);
  }

  /**
   * A client with a timeout of its own.
   *
   * @param timeout the longest wait for a response
   */
  public ConnectClient(String url, Duration timeout) {
    this.url = url;
    this.timeout = timeout;
  }

  public String url() {
    return url;
  }

  /** Creates a connector. Fails if it exists. */
  public void create(String name, Map<String, String> config)
      throws IOException, InterruptedException {
    expect(send("POST", "/connectors", json(Map.of("name", name, "config", config))), Set.of(201));
  }

  /** Creates a connector or replaces its configuration. */
  public void put(String name, Map<String, String> config)
      throws IOException, InterruptedException {
    expect(send("PUT", path(name) + "/config", json(config)), Set.of(200, 201));
  }

  /** Deletes a connector. Fails if it does not exist. */
  public void delete(String name) throws IOException, InterruptedException {
    expect(send("DELETE", path(name), ""), Set.of(204));
  }

  /** Deletes a connector if it exists. */
  public void deleteIfExists(String name) throws IOException, InterruptedException {
    expect(send("DELETE", path(name), ""), Set.of(204, 404));
  }

  public void pause(String name) throws IOException, InterruptedException {
    expect(send("PUT", path(name) + "/pause", ""), Set.of(202));
  }

  public void stop(String name) throws IOException, InterruptedException {
    expect(send("PUT", path(name) + "/stop", ""), Set.of(202));
  }

  public void resume(String name) throws IOException, InterruptedException {
    expect(send("PUT", path(name) + "/resume", ""), Set.of(202));
  }

  public ReportedStatus status(String name) throws IOException, InterruptedException {
    return ReportedStatus.of(JSON.readTree(get(path(name) + "/status")));
  }

  /** The body of a resource. */
  public String get(String path) throws IOException, InterruptedException {
    return expect(send("GET", path, ""), Set.of(200));
  }

  /** Sends a request and returns the response, whatever its status. */
  public HttpResponse<String> send(String method, String path, String json)
      throws IOException, InterruptedException {
    return HTTP.send(request(method, path, json), HttpResponse.BodyHandlers.ofString());
  }

  /**
   * A request for any HTTP client.
   *
   * @param json the body, empty for none
   */
  public HttpRequest request(String method, String path, String json) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + path)).timeout(timeout);
    if (json.isEmpty()) {
      return request.method(method, HttpRequest.BodyPublishers.noBody()).build();
    }
    return request
        .header("Content-Type", "application/json")
        .method(method, HttpRequest.BodyPublishers.ofString(json))
        .build();
  }

  /** The JSON text of a request's body. */
  public static String json(Object body) {
    try {
      return JSON.writeValueAsString(body);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static String path(String connector) {
    return "/connectors/" + connector;
  }

  private static String expect(HttpResponse<String> response, Set<Integer> expected)
      throws IOException {
    if (!expected.contains(response.statusCode())) {
      throw new IOException(
          "The worker answered "
              + response.statusCode()
              + " to "
              + response.request().method()
              + " "
              + response.uri()
              + ": "
              + response.body());
    }
    return response.body();
  }
}
