// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A schema registry for tests: the real one at the URL in the environment variable {@code
 * CARAVAN_TEST_REGISTRY} (for example Apicurio Registry's {@code
 * http://localhost:8080/apis/ccompat/v7}), else a small one that answers these calls as the real
 * one does.
 */
public final class TestRegistry implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpServer server;
  private final String url;
  private final List<String> schemas = new ArrayList<>();

  private TestRegistry() throws IOException {
    String given = System.getenv("CARAVAN_TEST_REGISTRY");
    if (given != null) {
      server = null;
      url = given;
      return;
    }
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/subjects/", this::answer);
    server.start();
    url = "http://127.0.0.1:" + server.getAddress().getPort();
  }

  public static TestRegistry start() throws IOException {
    return new TestRegistry();
  }

  private void answer(HttpExchange exchange) throws IOException {
    Map<String, ?> answer;
    int status = 200;
    synchronized (schemas) {
      if (exchange.getRequestMethod().equals("POST")) {
        String schema = JSON.readTree(exchange.getRequestBody()).path("schema").asText();
        if (!schemas.contains(schema)) {
          schemas.add(schema);
        }
        answer = Map.of("id", schemas.indexOf(schema) + 1);
      } else if (schemas.isEmpty()) {
        status = 404;
        answer = Map.of("error_code", 40401, "message", "Subject not found.");
      } else {
        answer = Map.of("id", schemas.size(), "schema", schemas.get(schemas.size() - 1));
      }
    }
    byte[] body = JSON.writeValueAsBytes(answer);
    exchange.getResponseHeaders().set("Content-Type", "application/vnd.schemaregistry.v1+json");
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  /** The latest schema of a subject. */
  String schema(String subject) throws IOException, InterruptedException {
    HttpResponse<String> response =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(
                        URI.create(url + "/subjects/" + subject + "/versions/latest"))
                    .build(),
                HttpResponse.BodyHandlers.ofString(UTF_8));
    return JSON.readTree(response.body()).path("schema").asText();
  }

  /** Where its Confluent API is. */
  public String url() {
    return url;
  }

  @Override
  public void close() {
    if (server != null) {
      server.stop(0);
    }
  }
}
