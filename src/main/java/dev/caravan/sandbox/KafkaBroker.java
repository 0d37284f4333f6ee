// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import kafka.server.BrokerServer;
import kafka.server.ControllerServer;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import kafka.server.SharedServer;
import kafka.server.StandardFaultHandlerFactory;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.bootstrap.BootstrapDirectory;
import org.apache.kafka.metadata.properties.MetaPropertiesEnsemble;
import org.apache.kafka.metadata.storage.Formatter;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A real Kafka broker of one node, embedded: broker and KRaft controller in this process, behind a
 * real socket. Its data lives in a temporary directory that is deleted on {@link #close()}.
 *
 * <p>Safe for use by several threads.
 */
public final class KafkaBroker implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaBroker.class);
  private static final int NODE_ID = 1;
  private static final String CLIENTS = "PLAINTEXT";
  private static final String CONTROLLER = "CONTROLLER";

  private final String host;
  private final int port;
  private final Map<String, String> overrides;
  private final Path directory;
  private @Nullable Servers servers;

  private KafkaBroker(
      String host, int port, Map<String, String> overrides, Path directory, Servers servers) {
    this.host = host;
    this.port = port;
    this.overrides = overrides;
    this.directory = directory;
    this.servers = servers;
  }

  /** Starts a broker on any free port of the loopback interface. */
  public static KafkaBroker start() throws IOException {
    return start("127.0.0.1", 0, Map.of());
  }

  /**
   * Starts a broker and returns when it takes requests.
   *
   * @param host the address to listen on and to tell clients
   * @param port the port, or 0 for any free one
   * @param overrides broker settings, which win over those chosen here
   * @throws IOException if the broker can't start, for example since the port is taken
   */
  public static KafkaBroker start(String host, int port, Map<String, String> overrides)
      throws IOException {
    Path directory = null;
    try {
      directory = Files.createTempDirectory("caravan-kafka-");
      format(directory);
      Servers servers = Servers.start(host, port, overrides, directory);
      return new KafkaBroker(host, servers.port(), overrides, directory, servers);
    } catch (Exception e) {
      if (directory != null) {
        deleteTree(directory);
      }
      throw new IOException(
          "The embedded Kafka broker can't start on "
              + host
              + ":"
              + port
              + " ("
              + e.getMessage()
              + "); is another program using the port?",
          e);
    }
  }

  /** Stops the broker; its data stays. Clients find nobody at its port. Idempotent. */
  public synchronized void stop() {
    if (servers != null) {
      servers.stop();
      servers = null;
    }
  }

  /**
   * Starts the broker again after {@link #stop}, with the same port and data.
   *
   * @throws IOException if it can't start
   */
  public synchronized void restart() throws IOException {
    stop();
    try {
      servers = Servers.start(host, port, overrides, directory);
    } catch (Exception e) {
      throw new IOException(
          "The embedded Kafka broker can't start again on " + bootstrapServers(), e);
    }
  }

  private static Map<String, String> settings(String host, int port, Path directory) {
    Map<String, String> settings = new HashMap<>();
    settings.put("process.roles", "broker,controller");
    settings.put("node.id", Integer.toString(NODE_ID));
    settings.put("log.dirs", directory.toString());
    settings.put(
        "listeners", CLIENTS + "://" + host + ":" + port + "," + CONTROLLER + "://" + host + ":0");
    settings.put("advertised.listeners", CLIENTS + "://" + host + ":" + port);
    settings.put("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT");
    settings.put("inter.broker.listener.name", CLIENTS);
    settings.put("controller.listener.names", CONTROLLER);
    settings.put("controller.quorum.voters", NODE_ID + "@0.0.0.0:0");
    settings.put("offsets.topic.replication.factor", "1");
    settings.put("transaction.state.log.replication.factor", "1");
    settings.put("transaction.state.log.min.isr", "1");
    settings.put("default.replication.factor", "1");
    settings.put("num.partitions", "4");
    // Fewer partitions and threads than in production: one small node starts and stops faster.
    settings.put("offsets.topic.num.partitions", "4");
    settings.put("transaction.state.log.num.partitions", "4");
    settings.put("share.coordinator.state.topic.replication.factor", "1");
    settings.put("num.network.threads", "2");
    settings.put("num.io.threads", "4");
    settings.put("log.cleaner.dedupe.buffer.size", "4194304");
    settings.put("group.initial.rebalance.delay.ms", "0");
    // Who tries what happens when a worker dies need not wait long for it.
    settings.put("group.min.session.timeout.ms", "1000");
    // A Couchbase document may have 20 MiB; with the record round it, that must fit.
    settings.put("message.max.bytes", Integer.toString(32 * 1024 * 1024));
    settings.put("replica.fetch.max.bytes", Integer.toString(32 * 1024 * 1024));
    return settings;
  }

  private static void format(Path directory) throws Exception {
    new Formatter()
        .setPrintStream(new PrintStream(OutputStream.nullOutputStream()))
        .setNodeId(NODE_ID)
        .setClusterId(Uuid.randomUuid().toString())
        .setControllerListenerName(CONTROLLER)
        .setDirectories(List.of(directory.toString()))
        .setMetadataLogDirectory(directory.toString())
        .run();
  }

  /** What a client takes as {@code bootstrap.servers}. */
  public String bootstrapServers() {
    return host + ":" + port;
  }

  /** Stops the broker and deletes its data. */
  @Override
  public void close() {
    stop();
    deleteTree(directory);
  }

  private static void deleteTree(Path directory) {
    try (Stream<Path> paths = Files.walk(directory)) {
      paths.sorted(Comparator.reverseOrder()).forEach(KafkaBroker::delete);
    } catch (IOException | UncheckedIOException e) {
      LOG.warn("Can't delete the temporary directory {} of the Kafka broker", directory, e);
    }
  }

  private static void delete(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Broker and controller between a start and a stop. */
  private record Servers(BrokerServer broker, ControllerServer controller, int port) {
    static Servers start(String host, int port, Map<String, String> overrides, Path directory)
        throws Exception {
      Map<String, String> settings = settings(host, port, directory);
      settings.putAll(overrides);
      KafkaConfig config = new KafkaConfig(settings, false);
      MetaPropertiesEnsemble properties =
          new MetaPropertiesEnsemble.Loader()
              .addLogDirs(List.of(directory.toString()))
              .addMetadataLogDir(directory.toString())
              .load();
      // The controller's port is known only when it is bound; its voters learn it then.
      CompletableFuture<Map<Integer, InetSocketAddress>> voters = new CompletableFuture<>();
      SharedServer shared =
          new SharedServer(
              config,
              properties,
              Time.SYSTEM,
              new Metrics(),
              voters,
              List.of(),
              new StandardFaultHandlerFactory());
      ControllerServer controller = null;
      BrokerServer broker = null;
      try {
        controller =
            new ControllerServer(
                shared,
                KafkaRaftServer.configSchema(),
                new BootstrapDirectory(directory.toString(), Optional.empty()).read());
        controller
            .socketServerFirstBoundPortFuture()
            .thenAccept(
                bound -> voters.complete(Map.of(NODE_ID, new InetSocketAddress(host, bound))));
        broker = new BrokerServer(shared);
        controller.startup();
        broker.startup();
      } catch (Throwable t) {
        stop(broker, controller);
        throw t;
      }
      return new Servers(broker, controller, broker.boundPort(new ListenerName(CLIENTS)));
    }

    void stop() {
      stop(broker, controller);
    }

    private static void stop(@Nullable BrokerServer broker, @Nullable ControllerServer controller) {
      if (broker != null) {
        broker.shutdown();
      }
      if (controller != null) {
        controller.shutdown();
      }
    }
  }
}
