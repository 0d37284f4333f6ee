// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * A Couchbase node and a Kafka broker to try things on: what a fresh machine has neither of.
 *
 * <p>Immutable once started.
 */
public final class Sandbox implements AutoCloseable {
  private final CouchbaseNode couchbase;
  private final KafkaBroker kafka;

  private Sandbox(CouchbaseNode couchbase, KafkaBroker kafka) {
    this.couchbase = couchbase;
    this.kafka = kafka;
  }

  public static Builder builder() {
    return new Builder();
  }

  public CouchbaseNode couchbase() {
    return couchbase;
  }

  /** {@code host:port} of the Couchbase node. */
  public String couchbaseAddress() {
    return couchbase.host() + ":" + couchbase.port();
  }

  /** {@code host:port} of the Kafka broker. */
  public String kafkaAddress() {
    return kafka.bootstrapServers();
  }

  @Override
  public void close() {
    couchbase.close();
    kafka.close();
  }

  /** What a sandbox is made of. Not thread-safe. */
  public static final class Builder {
    private String host = "127.0.0.1";
    private int kvPort;
    private int kafkaPort;
    private List<String> buckets = List.of("default");
    private int vbuckets = 1024;

    private Builder() {}

    /** The address to listen on. */
    public Builder host(String value) {
      host = value;
      return this;
    }

    /** The port of the Couchbase node; 0 takes any free one. */
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

    /**
     * Starts both and returns when they take requests.
     *
     * @throws IOException if one of them can't start, for example since its port is taken
     */
    public Sandbox start() throws IOException {
      CouchbaseNode.Builder node =
          CouchbaseNode.builder().host(host).port(kvPort).vbuckets(vbuckets);
      buckets.forEach(node::bucket);
      CouchbaseNode couchbase = node.start();
      try {
        return new Sandbox(couchbase, KafkaBroker.start(host, kafkaPort, Map.of()));
      } catch (IOException | RuntimeException e) {
        couchbase.close();
        throw e;
      }
    }
  }
}
