// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.worker.kafka.WorkerConfig;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.camel.main.Main;

/** A worker on a free port, with a real Kafka broker and with tasks that need no Couchbase. */
public final class TestWorker implements AutoCloseable {
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private final RecordedTasks tasks = new RecordedTasks();
  private final WorkerApplication application;
  private final ConnectClient rest;

  private TestWorker(Map<String, String> properties) throws Exception {
    application = WorkerApplication.start(WorkerConfig.parse(properties), new Main(), tasks);
    rest = new ConnectClient(application.url());
  }

  /** Starts a worker with this config topic, which is also the id of its group. */
  public static TestWorker start(KafkaBroker kafka, String configTopic) throws Exception {
    return start(kafka, configTopic, Map.of());
  }

  public static TestWorker start(
      KafkaBroker kafka, String configTopic, Map<String, String> properties) throws Exception {
    Map<String, String> all = new HashMap<>();
    all.put("bootstrap.servers", kafka.bootstrapServers());
    all.put("group.id", configTopic);
    all.put("config.storage.topic", configTopic);
    all.put("config.storage.replication.factor", "1");
    all.put("offset.storage.topic", configTopic + "-offsets");
    all.put("listeners", "http://127.0.0.1:0");
    all.putAll(properties);
    return new TestWorker(all);
  }

  public RecordedTasks tasks() {
    return tasks;
  }

  /** A future that fails when the worker can't be a member of its group. */
  public CompletableFuture<Void> refusal() {
    return application.refusal();
  }

  public String url() {
    return application.url();
  }

  /** A client of the worker's REST API. */
  public ConnectClient rest() {
    return rest;
  }

  public HttpResponse<String> get(String path) throws Exception {
    return rest.send("GET", path, "");
  }

  public HttpResponse<String> delete(String path) throws Exception {
    return rest.send("DELETE", path, "");
  }

  public HttpResponse<String> post(String path, String json) throws Exception {
    return rest.send("POST", path, json);
  }

  public HttpResponse<String> put(String path, String json) throws Exception {
    return rest.send("PUT", path, json);
  }

  public HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(url() + path));
  }

  public HttpResponse<String> send(HttpRequest.Builder request)
      throws IOException, InterruptedException {
    return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  @Override
  public void close() {
    application.close();
  }
}
