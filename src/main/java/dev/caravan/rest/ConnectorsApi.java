// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.caravan.connector.ConnectorConfig;
import dev.caravan.worker.ConnectorInfo;
import dev.caravan.worker.ConnectorStatus;
import dev.caravan.worker.ConnectorStatus.Part;
import dev.caravan.worker.PutResult;
import dev.caravan.worker.TaskInfo;
import dev.caravan.worker.Worker;
import java.net.URLEncoder;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.camel.Exchange;

/**
 * Translates HTTP calls into calls on the worker, and its answers into Kafka Connect's JSON.
 * Decides nothing; errors are the {@link ErrorMapper}'s. Safe for use by several threads.
 */
final class ConnectorsApi {
  /** The path parameter with the connector's name. */
  static final String CONNECTOR = "connector";

  /** In UTF-8, percent-encoded, nine times as many, which just fits into a request line. */
  private static final int MAX_NAME_CHARS = 400;

  /** As long as Kafka Connect lets a request wait. */
  static final Duration TIMEOUT = Duration.ofSeconds(90);

  /** The part of a URL that tells the server, as the client reached it. */
  private static final Pattern SERVER = Pattern.compile("^(https?://[^/]+).*$", Pattern.DOTALL);

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final Worker worker;
  private final String version;

  ConnectorsApi(Worker worker, String version) {
    this.worker = worker;
    this.version = version;
  }

  void root(Exchange exchange) {
    ObjectNode root = JSON.objectNode();
    root.put("version", version);
    root.put("commit", "unknown");
    root.put("kafka_cluster_id", worker.kafkaClusterId());
    Answer.of(200, root).to(exchange);
  }

  void list(Exchange exchange) throws Exception {
    ArrayNode names = JSON.arrayNode();
    await(worker.connectors()).forEach(names::add);
    Answer.of(200, names).to(exchange);
  }

  void create(Exchange exchange) throws Exception {
    JsonBody.CreateRequest request = JsonBody.CreateRequest.read(exchange);
    Map<String, String> config = named(request.name(), request.config());
    ConnectorInfo created = await(worker.create(request.name(), config));
    created(exchange, created).to(exchange);
  }

  void info(Exchange exchange) throws Exception {
    Answer.of(200, json(await(worker.info(connector(exchange))))).to(exchange);
  }

  void delete(Exchange exchange) throws Exception {
    await(worker.delete(connector(exchange)));
    Answer.empty(204).to(exchange);
  }

  void config(Exchange exchange) throws Exception {
    Answer.of(200, json(await(worker.info(connector(exchange))).config())).to(exchange);
  }

  void putConfig(Exchange exchange) throws Exception {
    String name = connector(exchange);
    Map<String, String> config = named(name, JsonBody.properties(exchange));
    PutResult result = await(worker.putConfig(name, config));
    Answer answer =
        result.created()
            ? created(exchange, result.connector())
            : Answer.of(200, json(result.connector()));
    answer.to(exchange);
  }

  void status(Exchange exchange) throws Exception {
    ConnectorStatus status = await(worker.status(connector(exchange)));
    ObjectNode json = JSON.objectNode();
    json.put("name", status.name());
    json.set("connector", json(JSON.objectNode(), status.connector()));
    ArrayNode tasks = json.putArray("tasks");
    for (int task = 0; task < status.tasks().size(); task++) {
      tasks.add(json(JSON.objectNode().put("id", task), status.tasks().get(task)));
    }
    json.put("type", "source");
    Answer.of(200, json).to(exchange);
  }

  void tasks(Exchange exchange) throws Exception {
    String name = connector(exchange);
    ArrayNode tasks = JSON.arrayNode();
    for (TaskInfo task : await(worker.tasks(name))) {
      ObjectNode json = tasks.addObject();
      json.set("id", taskId(name, task.task()));
      json.set("config", json(task.config()));
    }
    Answer.of(200, tasks).to(exchange);
  }

  void pause(Exchange exchange) throws Exception {
    await(worker.pause(connector(exchange)));
    Answer.empty(202).to(exchange);
  }

  void resume(Exchange exchange) throws Exception {
    await(worker.resume(connector(exchange)));
    Answer.empty(202).to(exchange);
  }

  void stop(Exchange exchange) throws Exception {
    await(worker.stop(connector(exchange)));
    Answer.empty(202).to(exchange);
  }

  /** The connector that the path names. */
  private static String connector(Exchange exchange) {
    Object value = exchange.getMessage().getHeader(CONNECTOR);
    // A header or a query parameter of the same name is put into a list, before the path's own;
    // a field of a form would come after it, but the gate lets no form in.
    Object last = value instanceof List<?> all ? all.get(all.size() - 1) : value;
    return ((String) last).trim();
  }

  /** Puts the connector's name into its properties, where Kafka Connect has it too. */
  private static Map<String, String> named(String name, Map<String, String> properties) {
    if (name.length() > MAX_NAME_CHARS || name.equals(".") || name.equals("..")) {
      // Kafka Connect makes such a connector, and nobody can delete it again.
      throw new RestException(
          400,
          "A connector's name is part of URLs: it has at most "
              + MAX_NAME_CHARS
              + " characters, and is not . or ..");
    }
    String included = properties.putIfAbsent(ConnectorConfig.NAME, name);
    if (included != null && !included.trim().equals(name)) {
      throw new RestException(
          400,
          "Connector name configuration ("
              + included
              + ") doesn't match connector name in the URL ("
              + name
              + ")");
    }
    properties.put(ConnectorConfig.NAME, name);
    return properties;
  }

  private static Answer created(Exchange exchange, ConnectorInfo connector) {
    String url = exchange.getMessage().getHeader(Exchange.HTTP_URL, String.class);
    String path = "/connectors/" + URLEncoder.encode(connector.name(), UTF_8).replace("+", "%20");
    return Answer.of(201, json(connector))
        .withHeader("Location", SERVER.matcher(url).replaceFirst("$1") + path);
  }

  private static <T> T await(CompletableFuture<T> answer) throws Exception {
    try {
      return answer.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof Exception cause ? cause : e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw e;
    }
  }

  private static ObjectNode json(ConnectorInfo connector) {
    ObjectNode json = JSON.objectNode();
    json.put("name", connector.name());
    json.set("config", json(connector.config()));
    ArrayNode tasks = json.putArray("tasks");
    connector.tasks().forEach(task -> tasks.add(taskId(connector.name(), task)));
    json.put("type", "source");
    return json;
  }

  private static ObjectNode json(Map<String, String> properties) {
    ObjectNode json = JSON.objectNode();
    properties.forEach(json::put);
    return json;
  }

  private static ObjectNode json(ObjectNode json, Part part) {
    json.put("state", part.state().name());
    json.put("worker_id", part.workerId());
    if (!part.trace().isEmpty()) {
      json.put("trace", part.trace());
    }
    return json;
  }

  private static ObjectNode taskId(String connector, int task) {
    return JSON.objectNode().put("connector", connector).put("task", task);
  }
}
