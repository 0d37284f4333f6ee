// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The connectors of a worker, over its REST API. */
record Connectors(String url) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  /** How long a worker may take for an answer, whatever else it is at. */
  private static final Duration PROMPT = Duration.ofSeconds(5);

  /** Creates a connector of one task that copies a bucket into the topic {@code name + bucket}. */
  void create(String name, CouchbaseUnderTest couchbase, String nodes, Map<String, String> options)
      throws IOException, InterruptedException {
    Map<String, String> config = new HashMap<>();
    config.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    config.put("topic", name);
    config.put("couchbase.nodes", nodes);
    config.put("couchbase.bucket", couchbase.bucket());
    config.put("couchbase.username", couchbase.login().username());
    config.put("couchbase.password", couchbase.login().password());
    config.putAll(options);
    String body = JSON.writeValueAsString(Map.of("name", name, "config", config));
    HttpResponse<String> response =
        send(
            request("/connectors")
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)));
    assertThat(response.statusCode()).as(response.body()).isEqualTo(201);
  }

  void delete(String name) throws IOException, InterruptedException {
    assertThat(send(request("/connectors/" + name).DELETE()).statusCode()).isEqualTo(204);
  }

  /** The state of a connector's one task, as its status tells. */
  String taskState(String name) throws IOException, InterruptedException {
    return task(name).path("state").textValue();
  }

  /** The worker that has a connector's one task, as its status tells. */
  String taskWorker(String name) throws IOException, InterruptedException {
    return task(name).path("worker_id").textValue();
  }

  /** The states of a connector's tasks. */
  List<String> taskStates(String name) throws IOException, InterruptedException {
    return tasks(name).findValuesAsText("state");
  }

  /** The workers that have a connector's tasks. */
  List<String> taskWorkers(String name) throws IOException, InterruptedException {
    return tasks(name).findValuesAsText("worker_id");
  }

  private JsonNode task(String name) throws IOException, InterruptedException {
    return tasks(name).path(0);
  }

  private JsonNode tasks(String name) throws IOException, InterruptedException {
    HttpResponse<String> response = send(request("/connectors/" + name + "/status").GET());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return JSON.readTree(response.body()).path("tasks");
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(url + path)).timeout(PROMPT);
  }

  private static HttpResponse<String> send(HttpRequest.Builder request)
      throws IOException, InterruptedException {
    return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }
}
