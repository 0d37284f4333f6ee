// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.caravan.sandbox.cluster.CouchbaseCluster;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.cluster.History;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * The commands of a running sandbox, over HTTP on the loopback interface: {@code curl -X POST
 * 'localhost:<port>/failover?node=1'}.
 *
 * <p>A command is a POST to its name with its arguments as query parameters, {@code status} and
 * {@code history} are GETs. Answers are JSON: the status after a command, or {@code {"error":
 * ".."}} when something is wrong. Commands run one after the other. Thread-safe.
 */
public final class AdminServer implements AutoCloseable {
  private static final int OK = 200;
  private static final int BAD_REQUEST = 400;
  private static final int NOT_FOUND = 404;
  private static final int METHOD_NOT_ALLOWED = 405;
  private static final int CONFLICT = 409;
  private static final int FAILED = 500;

  private final AdminCommands sandbox;
  private final Map<String, AdminCommands.Command> commands;
  private final HttpServer server;
  private final ExecutorService executor;

  /**
   * Starts to listen.
   *
   * @param port 0 takes a free one
   * @throws IOException when the port is taken
   */
  public AdminServer(AdminCommands sandbox, int port) throws IOException {
    this.sandbox = sandbox;
    commands = new TreeMap<>(sandbox.byName());
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    } catch (IOException e) {
      throw new IOException("can't listen for commands on port " + port + ": " + e.getMessage(), e);
    }
    executor =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread thread = new Thread(task, "sandbox-admin");
              thread.setDaemon(true);
              return thread;
            });
    server.setExecutor(executor);
    server.createContext("/", this::handle);
    server.start();
  }

  public int port() {
    return server.getAddress().getPort();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      respond(exchange);
    }
  }

  private void respond(HttpExchange exchange) throws IOException {
    String name = exchange.getRequestURI().getPath().substring(1);
    boolean get = exchange.getRequestMethod().equals("GET");
    AdminCommands.Command command = commands.get(name);
    try {
      AdminArguments arguments = AdminArguments.parse(exchange.getRequestURI().getRawQuery());
      if (name.equals("history") && get) {
        history(exchange, arguments);
      } else if (name.equals("status") && get) {
        answer(exchange, OK, status());
      } else if (command == null) {
        refuse(exchange, NOT_FOUND, "there is no command \"" + name + "\"; there are " + names());
      } else if (!exchange.getRequestMethod().equals("POST")) {
        refuse(exchange, METHOD_NOT_ALLOWED, "the command \"" + name + "\" is a POST");
      } else {
        run(exchange, command, arguments);
      }
    } catch (IllegalArgumentException e) {
      refuse(exchange, BAD_REQUEST, String.valueOf(e.getMessage()));
    } catch (IllegalStateException e) {
      refuse(exchange, CONFLICT, String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      refuse(exchange, FAILED, "the sandbox stops");
    }
  }

  private void run(HttpExchange exchange, AdminCommands.Command command, AdminArguments arguments)
      throws IOException, InterruptedException {
    try {
      command.run(arguments);
    } catch (IOException e) {
      refuse(exchange, FAILED, String.valueOf(e.getMessage()));
      return;
    }
    answer(exchange, OK, status());
  }

  private String names() {
    return String.join(", ", commands.keySet()) + ", and to GET status and history";
  }

  private ObjectNode status() {
    CouchbaseCluster cluster = sandbox.cluster();
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    ArrayNode nodes = root.putArray("nodes");
    for (CouchbaseNode node : cluster.nodes()) {
      nodes
          .addObject()
          .put("node", node.number())
          .put("address", node.host() + ":" + node.port())
          .put("running", node.isRunning())
          .put("member", cluster.members().contains(node.number()));
    }
    ArrayNode buckets = root.putArray("buckets");
    for (String name : cluster.bucketNames()) {
      buckets
          .addObject()
          .put("bucket", name)
          .put("vbuckets", cluster.bucket(name).vbucketCount())
          .put("documents", cluster.bucket(name).documentCount());
    }
    return root.put("kafka", sandbox.kafka().bootstrapServers());
  }

  /** One JSON object per line and write, in the order of writing. */
  private void history(HttpExchange exchange, AdminArguments arguments) throws IOException {
    History history = sandbox.cluster().history(arguments.bucket());
    exchange.getResponseHeaders().set("Content-Type", "application/x-ndjson");
    exchange.sendResponseHeaders(OK, 0);
    try (OutputStream out = new BufferedOutputStream(exchange.getResponseBody())) {
      history.read(
          entry -> {
            out.write(json(entry).toString().getBytes(StandardCharsets.UTF_8));
            out.write('\n');
          });
    }
  }

  private static ObjectNode json(History.Entry entry) {
    return JsonNodeFactory.instance
        .objectNode()
        .put("vbucket", entry.vbucket())
        .put("vbuuid", entry.vbuuid())
        .put("seqno", entry.seqno())
        .put("cas", entry.cas())
        .put("op", entry.operation().label())
        .put("collection", entry.collection())
        .put("key", entry.key())
        .put("lost", entry.lost());
  }

  private static void refuse(HttpExchange exchange, int status, String message) throws IOException {
    answer(exchange, status, JsonNodeFactory.instance.objectNode().put("error", message));
  }

  private static void answer(HttpExchange exchange, int status, ObjectNode body)
      throws IOException {
    byte[] text = (body + "\n").getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, text.length);
    exchange.getResponseBody().write(text);
  }

  @Override
  public void close() {
    server.stop(0);
    executor.shutdownNow();
  }
}
