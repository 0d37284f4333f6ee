// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kafka;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntFunction;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
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
 * real socket. Its data lives in a temporary directory that is deleted on {@link #close()}. Its
 * limits are Kafka's defaults, so that a client which works here works with an unconfigured broker.
 *
 * <p>Safe for use by several threads.
 */
public final class KafkaBroker implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(KafkaBroker.class);
  private static final int NODE_ID = 1;
  private static final String CLIENTS = "PLAINTEXT";
  private static final String CONTROLLER = "CONTROLLER";

  /** The prefix of the names of listeners behind proxies. */
  private static final String PROXY = "PROXY";

  private final Endpoints endpoints;
  private final Map<String, String> overrides;
  private final Path directory;
  private @Nullable Servers servers;

  private KafkaBroker(
      Endpoints endpoints, Map<String, String> overrides, Path directory, Servers servers) {
    this.endpoints = endpoints;
    this.overrides = overrides;
    this.directory = directory;
    this.servers = servers;
  }

  /** Starts a broker on any free port of the loopback interface. */
  public static KafkaBroker start() throws IOException {
    return start("127.0.0.1", 0, Map.of());
  }

  /**
   * Starts a broker on any free port of the loopback interface, with one more listener for each
   * proxy. A listener advertises the address of its proxy, so that all connections of a client go
   * through the proxy.
   *
   * @param proxies where the proxies take connections, {@code host:port}
   * @throws IOException if the broker can't start
   */
  public static KafkaBroker startBehind(List<String> proxies) throws IOException {
    return start(Endpoints.free("127.0.0.1", 0, proxies), Map.of());
  }

  /**
   * Starts a broker and returns when it takes requests.
   *
   * @param host the address to listen on, which is also advertised to clients
   * @param port the port, or 0 for any free one
   * @param overrides broker settings, which win over those chosen here
   * @throws IOException if the broker can't start, for example since the port is taken
   */
  public static KafkaBroker start(String host, int port, Map<String, String> overrides)
      throws IOException {
    return start(Endpoints.free(host, port, List.of()), overrides);
  }

  private static KafkaBroker start(Endpoints wanted, Map<String, String> overrides)
      throws IOException {
    Path directory = null;
    try {
      directory = Files.createTempDirectory("caravan-kafka-");
      format(directory);
      Servers servers = Servers.start(wanted, overrides, directory);
      return new KafkaBroker(servers.endpoints(), overrides, directory, servers);
    } catch (Exception e) {
      if (directory != null) {
        deleteTree(directory);
      }
      throw new IOException(
          "The embedded Kafka broker can't start on "
              + wanted.address()
              + " ("
              + e.getMessage()
              + "); is another program using the port?",
          e);
    }
  }

  /** Stops the broker and closes its port; its data stays. Idempotent. */
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
      servers = Servers.start(endpoints, overrides, directory);
    } catch (Exception e) {
      throw new IOException(
          "The embedded Kafka broker can't start again on " + bootstrapServers(), e);
    }
  }

  private static Map<String, String> settings(Endpoints endpoints, Path directory) {
    Map<String, String> settings = new HashMap<>();
    settings.put("process.roles", "broker,controller");
    settings.put("node.id", Integer.toString(NODE_ID));
    settings.put("log.dirs", directory.toString());
    settings.put("listeners", endpoints.listeners());
    settings.put("advertised.listeners", endpoints.advertised());
    settings.put("listener.security.protocol.map", endpoints.protocols());
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

  /** The value of a client's {@code bootstrap.servers}. */
  public String bootstrapServers() {
    return endpoints.address();
  }

  /**
   * The port of the listener of a proxy.
   *
   * @param proxy its index in the argument of {@link #startBehind}
   */
  public int portBehind(int proxy) {
    return endpoints.proxyPorts().get(proxy);
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

  /**
   * Where the broker listens.
   *
   * @param port for clients that come directly, 0 for any free one
   * @param proxies the addresses of proxies
   * @param proxyPorts for the clients of each proxy, 0 for any free one
   */
  private record Endpoints(String host, int port, List<String> proxies, List<Integer> proxyPorts) {
    static Endpoints free(String host, int port, List<String> proxies) {
      return new Endpoints(host, port, proxies, Collections.nCopies(proxies.size(), 0));
    }

    /** The same with the ports that were bound. */
    Endpoints bound(ToIntFunction<ListenerName> ports) {
      return new Endpoints(
          host,
          ports.applyAsInt(new ListenerName(CLIENTS)),
          proxies,
          IntStream.range(0, proxies.size())
              .mapToObj(proxy -> ports.applyAsInt(new ListenerName(PROXY + proxy)))
              .toList());
    }

    String address() {
      return host + ":" + port;
    }

    String listeners() {
      return clients()
          + ","
          + CONTROLLER
          + "://"
          + host
          + ":0"
          + forEachProxy(proxy -> PROXY + proxy + "://" + host + ":" + proxyPorts.get(proxy));
    }

    String advertised() {
      return clients() + forEachProxy(proxy -> PROXY + proxy + "://" + proxies.get(proxy));
    }

    String protocols() {
      return "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
          + forEachProxy(proxy -> PROXY + proxy + ":PLAINTEXT");
    }

    private String clients() {
      return CLIENTS + "://" + address();
    }

    private String forEachProxy(IntFunction<String> text) {
      return IntStream.range(0, proxies.size())
          .mapToObj(proxy -> "," + text.apply(proxy))
          .collect(Collectors.joining());
    }
  }

  /**
   * Broker and controller between a start and a stop.
   *
   * @param endpoints with the ports that are bound
   */
  private record Servers(BrokerServer broker, ControllerServer controller, Endpoints endpoints) {
    static Servers start(Endpoints wanted, Map<String, String> overrides, Path directory)
        throws Exception {
      Map<String, String> settings = settings(wanted, directory);
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
                bound ->
                    voters.complete(Map.of(NODE_ID, new InetSocketAddress(wanted.host(), bound))));
        broker = new BrokerServer(shared);
        controller.startup();
        broker.startup();
      } catch (Throwable t) {
        stop(broker, controller);
        throw t;
      }
      return new Servers(broker, controller, wanted.bound(broker::boundPort));
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
