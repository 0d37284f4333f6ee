// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.process;

import dev.caravan.connector.TaskFactory;
import dev.caravan.connector.TaskRoutes;
import dev.caravan.record.SchemaRegistry;
import dev.caravan.rest.ApiEngine;
import dev.caravan.rest.HttpVertx;
import dev.caravan.rest.RequestGuard;
import dev.caravan.rest.RestRoutes;
import dev.caravan.worker.StopDeadline;
import dev.caravan.worker.Worker;
import dev.caravan.worker.delivery.SharedProducers;
import dev.caravan.worker.kafka.WorkerConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.apache.camel.CamelContext;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.main.Main;
import org.apache.camel.main.SimpleMainShutdownStrategy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A worker in this process: camel-main with the REST API, the route template and the {@link
 * Worker}. Thread-safe.
 */
public final class WorkerApplication implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WorkerApplication.class);

  /** Camel's time to stop its routes. The routes of tasks have stopped before. */
  private static final int SHUTDOWN_SECONDS = 3;

  private static final Duration CAMEL_TIME = Duration.ofSeconds(5);
  private static final Duration CLOSE_TIME = Duration.ofSeconds(3);

  private final Main main;
  private final Worker worker;
  private final SharedProducers producers;
  private final HttpVertx vertx;
  private final String url;

  private WorkerApplication(
      Main main, Worker worker, SharedProducers producers, HttpVertx vertx, String url) {
    this.main = main;
    this.worker = worker;
    this.producers = producers;
    this.vertx = vertx;
    this.url = url;
  }

  /**
   * Starts a worker and returns when its REST API is available.
   *
   * @param properties with Kafka Connect's names, see {@link WorkerConfig}
   * @throws Exception if the properties are wrong, Kafka is unavailable, or the port is in use
   */
  public static WorkerApplication start(Map<String, String> properties) throws Exception {
    WorkerConfig config = WorkerConfig.parse(properties);
    Main main = new Main();
    TaskFactory tasks =
        new TaskRoutes(
            main::getCamelContext,
            config.bootstrapServers(),
            config.schemaRegistry().map(SchemaRegistry::new));
    return start(config, main, tasks);
  }

  /**
   * Starts a worker on a free port of the loopback address, for a Kafka of one broker.
   *
   * @param more further properties, which take precedence
   */
  public static WorkerApplication startLocal(String brokers, String group, Map<String, String> more)
      throws Exception {
    Map<String, String> properties = new HashMap<>();
    properties.put(WorkerConfig.BOOTSTRAP_SERVERS, brokers);
    properties.put(WorkerConfig.GROUP_ID, group);
    properties.put(WorkerConfig.LISTENERS, "http://127.0.0.1:0");
    properties.put(WorkerConfig.CONFIG_TOPIC_REPLICATION, "1");
    properties.put(WorkerConfig.OFFSET_TOPIC_REPLICATION, "1");
    properties.put(WorkerConfig.STATUS_TOPIC_REPLICATION, "1");
    properties.putAll(more);
    return start(properties);
  }

  /** Starts a worker with tasks from another factory. */
  static WorkerApplication start(WorkerConfig config, Main main, TaskFactory tasks)
      throws Exception {
    checkPort(config);
    SharedProducers producers = new SharedProducers(config.producerSettings());
    Worker worker = new Worker(config, tasks, producers);
    HttpVertx vertx = new HttpVertx();
    try {
      configure(main, config);
      // Without Camel's shutdown hook, which would stop Camel concurrently with the worker.
      main.setShutdownStrategy(new SimpleMainShutdownStrategy());
      main.bind("vertx", vertx);
      main.bind(ApiEngine.NAME, new ApiEngine());
      main.configure().addRoutesBuilder(new RestRoutes(worker, version()));
      main.start();
      producers.shareIn(main.getCamelContext());
      VertxPlatformHttpRouter router = router(main.getCamelContext(), config);
      RequestGuard.installIn(main.getCamelContext(), router);
      String port = ":" + router.getServer().getServer().actualPort();
      worker.run(config.advertisedHost().orElseGet(WorkerApplication::hostName) + port);
      String url = "http://" + config.advertisedHost().orElse("localhost") + port;
      return new WorkerApplication(main, worker, producers, vertx, url);
    } catch (Exception e) {
      close(main, worker, producers, vertx);
      throw e;
    }
  }

  private static void configure(Main main, WorkerConfig config) {
    Map<String, Object> settings =
        Map.of(
            "camel.main.name",
            "caravan",
            "camel.main.jmxEnabled",
            "false",
            "camel.main.startupSummaryLevel",
            "brief",
            "camel.main.shutdownTimeout",
            SHUTDOWN_SECONDS,
            "camel.main.routesIncludePattern",
            "classpath:routes/couchbase-to-kafka.camel.yaml",
            "camel.server.enabled",
            "true",
            "camel.server.host",
            config.host(),
            "camel.server.port",
            config.port(),
            "camel.server.maxBodySize",
            RequestGuard.MAX_BODY_BYTES);
    // As overrides, so that a property in the environment can't change the address of the API.
    settings.forEach((key, value) -> main.addOverrideProperty(key, value.toString()));
  }

  private static VertxPlatformHttpRouter router(CamelContext context, WorkerConfig config) {
    return Objects.requireNonNull(
        VertxPlatformHttpRouter.lookup(
            context, VertxPlatformHttpRouter.getRouterNameFromPort(config.port())),
        "There is no HTTP server.");
  }

  /** Fails if the port is in use. Camel would only log that and continue without a server. */
  private static void checkPort(WorkerConfig config) throws IOException {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(config.host(), config.port()));
    } catch (IOException e) {
      throw new IOException(
          "The REST API can't listen on \""
              + config.host()
              + ":"
              + config.port()
              + "\" ("
              + e.getMessage()
              + "). Stop the program that uses the port, or set another port in \""
              + WorkerConfig.LISTENERS
              + "\".",
          e);
    }
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  private static String version() {
    String version = WorkerApplication.class.getPackage().getImplementationVersion();
    return version == null ? "unknown" : version;
  }

  /** The URL of the REST API, {@code http://host:port}. */
  public String url() {
    return url;
  }

  /** A future that fails when the worker can't be a member of its group. */
  public CompletableFuture<Void> refusal() {
    return worker.fatalError();
  }

  /**
   * Stops the tasks, then the REST API. Connectors stay in the config topic. Takes less than 25 s.
   * Whatever does not stop in time is logged and left running.
   */
  @Override
  public void close() {
    close(main, worker, producers, vertx);
  }

  private static void close(Main main, Worker worker, SharedProducers producers, HttpVertx vertx) {
    long begun = System.nanoTime();
    StopDeadline deadline = new StopDeadline(StopDeadline.STOP_TIME);
    LOG.info("The worker stops");
    worker.close(deadline);
    deadline.close("Camel", CAMEL_TIME, main::stop);
    deadline.close("The shared producers", CLOSE_TIME, producers::close);
    deadline.close("The HTTP server", CLOSE_TIME, vertx::stop);
    LOG.info(
        "The worker has stopped after {} ms",
        Duration.ofNanos(System.nanoTime() - begun).toMillis());
  }
}
