// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import dev.caravan.sandbox.admin.AdminCommands;
import dev.caravan.sandbox.admin.AdminServer;
import dev.caravan.sandbox.cluster.CouchbaseCluster;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Couchbase and Kafka in one process, for a machine that has neither.
 *
 * <p>Immutable once started.
 */
public final class Sandbox implements AutoCloseable {
  private static final int NO_ADMIN = -1;

  private final CouchbaseCluster cluster;
  private final KafkaBroker kafka;
  private final @Nullable AdminServer admin;

  private Sandbox(CouchbaseCluster cluster, KafkaBroker kafka, int adminPort) throws IOException {
    this.cluster = cluster;
    this.kafka = kafka;
    admin = adminPort < 0 ? null : new AdminServer(new AdminCommands(cluster, kafka), adminPort);
  }

  public static Builder builder() {
    return new Builder();
  }

  /** The only node, or the first one. */
  public CouchbaseNode couchbase() {
    return cluster.node(0);
  }

  public CouchbaseCluster cluster() {
    return cluster;
  }

  public KafkaBroker kafka() {
    return kafka;
  }

  /** The address of the only node, or of the first one. */
  public String couchbaseHost() {
    return couchbase().host();
  }

  /**
   * Writes the documents {@code doc-0} to {@code doc-(count-1)} to a bucket.
   *
   * @param count 0 or more
   * @param size bytes of each value
   * @throws IllegalArgumentException when there is no such bucket
   */
  public void load(String bucket, long count, int size) {
    couchbase().bucket(bucket).load(count, size);
  }

  /** {@code host:port} of the Couchbase nodes, with commas between them. */
  public String couchbaseAddress() {
    return cluster.nodes().stream()
        .map(node -> node.host() + ":" + node.port())
        .collect(Collectors.joining(","));
  }

  /** The port on the loopback interface for commands, if there is one. */
  public OptionalInt adminPort() {
    return admin == null ? OptionalInt.empty() : OptionalInt.of(admin.port());
  }

  /** {@code host:port} of the Kafka broker. */
  public String kafkaAddress() {
    return kafka.bootstrapServers();
  }

  @Override
  public void close() {
    if (admin != null) {
      admin.close();
    }
    cluster.close();
    kafka.close();
  }

  /** The settings of a sandbox. Not thread-safe. */
  public static final class Builder {
    private String host = "127.0.0.1";
    private int kvPort;
    private int kafkaPort;
    private List<String> buckets = List.of("default");
    private int vbuckets = 1024;
    private int nodes = 1;
    private int replicas = 1;
    private int adminPort = NO_ADMIN;

    private Builder() {}

    /**
     * The address to listen on. If it is a loopback address, each Couchbase node but the first has
     * one of the next.
     */
    public Builder host(String value) {
      host = value;
      return this;
    }

    /**
     * The port of all Couchbase nodes; if they share an address, of the first one, and the others
     * have the next ones. 0 takes a free one.
     */
    public Builder kvPort(int value) {
      kvPort = value;
      return this;
    }

    /** The port of the Kafka broker; 0 takes any free one. */
    public Builder kafkaPort(int value) {
      kafkaPort = value;
      return this;
    }

    public Builder buckets(List<String> value) {
      buckets = List.copyOf(value);
      return this;
    }

    /** The number of vBuckets of each bucket, 1 to 1024. */
    public Builder vbuckets(int value) {
      vbuckets = value;
      return this;
    }

    /** How many Couchbase nodes there are: 1 by default. */
    public Builder nodes(int value) {
      nodes = value;
      return this;
    }

    /** How many replicas each vBucket has, 0 to 3, as far as there are nodes: 1 by default. */
    public Builder replicas(int value) {
      replicas = value;
      return this;
    }

    /**
     * Takes commands over HTTP on this port of the loopback interface, and records the history of
     * the buckets for them; not by default.
     *
     * @param value 0 takes any free port
     */
    public Builder adminPort(int value) {
      adminPort = value;
      return this;
    }

    /**
     * Starts both and returns when they take requests.
     *
     * @throws IOException if one of them can't start, for example since its port is taken
     */
    public Sandbox start() throws IOException {
      CouchbaseCluster.Builder builder =
          CouchbaseCluster.builder()
              .host(host)
              .port(kvPort)
              .nodes(nodes)
              .replicas(Math.min(replicas, nodes - 1))
              .vbuckets(vbuckets);
      buckets.forEach(builder::bucket);
      if (adminPort != NO_ADMIN) {
        builder.recordHistory();
      }
      CouchbaseCluster cluster = builder.start();
      try {
        return start(cluster);
      } catch (IOException | RuntimeException e) {
        cluster.close();
        throw e;
      }
    }

    private Sandbox start(CouchbaseCluster cluster) throws IOException {
      KafkaBroker kafka = KafkaBroker.start(host, kafkaPort, Map.of());
      try {
        return new Sandbox(cluster, kafka, adminPort);
      } catch (IOException | RuntimeException e) {
        kafka.close();
        throw e;
      }
    }
  }
}
