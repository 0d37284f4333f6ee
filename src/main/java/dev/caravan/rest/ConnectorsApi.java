// SPDX-License-Identifier: Apache-2.0
package dev.caravan.rest;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.caravan.connector.ConnectorConfig;
import dev.caravan.rest.ApiCall.Reply;
import dev.caravan.worker.Worker;
import dev.caravan.worker.config.ConnectorInfo;
import java.net.URLEncoder;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.apache.camel.Exchange;

/**
 * Translates HTTP requests to calls on the worker, and the results to Kafka Connect's JSON. {@link
 * ErrorMapper} maps the errors. Safe for use by several threads.
 */
final class ConnectorsApi {
  /** The path parameter with the connector's name. */
  static final String CONNECTOR = "connector";

  /** Percent-encoded UTF-8 takes at most nine bytes per char, so the request line has room. */
  private static final int MAX_NAME_CHARS = 400;

  /** The scheme, host and port of a URL. */
  private static final Pattern SERVER = Pattern.compile("^(https?://[^/]+).*$", Pattern.DOTALL);

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final Worker worker;
  private final String version;

  ConnectorsApi(Worker worker, String version) {
    this.worker = worker;
    this.version = version;
  }

  Reply<?> root(Exchange exchange, CompletableFuture<Void> unwanted) {
    ObjectNode root = JSON.objectNode();
    root.put("version", version);
    root.put("commit", "unknown");
    root.put("kafka_cluster_id", worker.kafkaClusterId());
    return now(JsonResponse.of(200, root));
  }

  Reply<?> list(Exchange exchange, CompletableFuture<Void> unwanted) {
    List<String> expand = ApiConsumer.requestOf(exchange).queryParam("expand");
    return expand.isEmpty()
        ? new Reply<>(worker.connectors(), ConnectorsApi::names)
        : now(JsonResponse.of(200, new Expansion(worker, new HashSet<>(expand))));
  }

  private static JsonResponse names(List<String> connectors) {
    ArrayNode names = JSON.arrayNode();
    connectors.forEach(names::add);
    return JsonResponse.of(200, names);
  }

  Reply<?> create(Exchange exchange, CompletableFuture<Void> unwanted) {
    JsonBody.CreateRequest request = JsonBody.CreateRequest.read(exchange);
    Map<String, String> config = named(request.name(), request.config());
    return new Reply<>(
        worker.create(request.name(), config, unwanted), created -> created(exchange, created));
  }

  Reply<?> info(Exchange exchange, CompletableFuture<Void> unwanted) {
    return new Reply<>(
        worker.info(connector(exchange)), info -> JsonResponse.of(200, ConnectorJson.info(info)));
  }

  Reply<?> delete(Exchange exchange, CompletableFuture<Void> unwanted) {
    return new Reply<>(
        worker.delete(connector(exchange), unwanted), deleted -> JsonResponse.empty(204));
  }

  Reply<?> config(Exchange exchange, CompletableFuture<Void> unwanted) {
    return new Reply<>(
        worker.info(connector(exchange)),
        info -> JsonResponse.of(200, ConnectorJson.properties(info.config())));
  }

  Reply<?> putConfig(Exchange exchange, CompletableFuture<Void> unwanted) {
    String name = connector(exchange);
    Map<String, String> config = named(name, JsonBody.properties(exchange));
    return new Reply<>(
        worker.putConfig(name, config, unwanted),
        put ->
            put.created()
                ? created(exchange, put.connector())
                : JsonResponse.of(200, ConnectorJson.info(put.connector())));
  }

  Reply<?> status(Exchange exchange, CompletableFuture<Void> unwanted) {
    return new Reply<>(
        worker.status(connector(exchange)),
        status -> JsonResponse.of(200, ConnectorJson.status(status)));
  }

  Reply<?> tasks(Exchange exchange, CompletableFuture<Void> unwanted) {
    String name = connector(exchange);
    return new Reply<>(
        worker.tasks(name), tasks -> JsonResponse.of(200, new TaskList(name, tasks)));
  }

  Reply<?> pause(Exchange exchange, CompletableFuture<Void> unwanted) {
    return accepted(worker.pause(connector(exchange), unwanted));
  }

  Reply<?> resume(Exchange exchange, CompletableFuture<Void> unwanted) {
    return accepted(worker.resume(connector(exchange), unwanted));
  }

  Reply<?> stop(Exchange exchange, CompletableFuture<Void> unwanted) {
    return accepted(worker.stop(connector(exchange), unwanted));
  }

  private static Reply<?> accepted(CompletableFuture<Void> change) {
    return new Reply<>(change, done -> JsonResponse.empty(202));
  }

  private static Reply<?> now(JsonResponse response) {
    return new Reply<>(CompletableFuture.completedFuture(response), Function.identity());
  }

  /** Returns the connector's name from the path. */
  private static String connector(Exchange exchange) {
    Object value = exchange.getMessage().getHeader(CONNECTOR);
    // Camel puts a header or a query parameter of the same name into a list, before the value of
    // the path. A field of a form would follow it, but the request guard refuses forms.
    Object last = value instanceof List<?> all ? all.get(all.size() - 1) : value;
    return ((String) last).trim();
  }

  /** Adds the connector's name to its properties, as Kafka Connect does. */
  private static Map<String, String> named(String name, Map<String, String> properties) {
    if (name.length() > MAX_NAME_CHARS || name.equals(".") || name.equals("..")) {
      // Kafka Connect creates such a connector, which no request can delete.
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

  private static JsonResponse created(Exchange exchange, ConnectorInfo connector) {
    String url = exchange.getMessage().getHeader(Exchange.HTTP_URL, String.class);
    String path = "/connectors/" + URLEncoder.encode(connector.name(), UTF_8).replace("+", "%20");
    return JsonResponse.of(201, ConnectorJson.info(connector))
        .withHeader("Location", SERVER.matcher(url).replaceFirst("$1") + path);
  }
}
