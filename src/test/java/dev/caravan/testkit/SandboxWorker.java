// SPDX-License-Identifier: Apache-2.0
package dev.caravan.testkit;

import dev.caravan.cli.process.ConnectClient;
import dev.caravan.cli.process.WorkerApplication;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A JUnit extension with a Kafka broker, a Couchbase node and a worker in this process, which the
 * tests of a class share:
 *
 * <pre>
 * &#64;RegisterExtension static final SandboxWorker SANDBOX = new SandboxWorker(16).bucket("orders");
 * </pre>
 */
public final class SandboxWorker implements BeforeAllCallback, AfterAllCallback {
  private static final String GROUP = "sandbox";

  private final List<AutoCloseable> servers = new ArrayList<>();
  private final CouchbaseNode.Builder nodeBuilder;
  private final Map<String, String> brokerSettings = new HashMap<>();
  private final Map<String, String> workerProperties = new HashMap<>();
  private KafkaBroker kafka;
  private CouchbaseNode node;
  private WorkerApplication worker;

  /**
   * @param vbuckets of each bucket
   */
  public SandboxWorker(int vbuckets) {
    nodeBuilder = CouchbaseNode.builder().vbuckets(vbuckets);
  }

  /** Adds a bucket. */
  public SandboxWorker bucket(String name) {
    nodeBuilder.bucket(name);
    return this;
  }

  /** Sets a property of the broker. */
  public SandboxWorker brokerSetting(String key, String value) {
    brokerSettings.put(key, value);
    return this;
  }

  /** Sets a property of the worker. */
  public SandboxWorker workerProperty(String key, String value) {
    workerProperties.put(key, value);
    return this;
  }

  @Override
  public void beforeAll(ExtensionContext context) throws Exception {
    kafka = KafkaBroker.start("127.0.0.1", 0, brokerSettings);
    servers.add(kafka);
    node = nodeBuilder.start();
    servers.add(node);
    startWorker();
  }

  @Override
  public void afterAll(ExtensionContext context) throws Exception {
    stopWorker();
    for (int i = servers.size() - 1; i >= 0; i--) {
      servers.get(i).close();
    }
  }

  /** Starts the worker again after {@link #stopWorker}. */
  public void startWorker() throws Exception {
    worker = WorkerApplication.startLocal(brokers(), GROUP, workerProperties);
  }

  public void stopWorker() {
    if (worker != null) {
      worker.close();
      worker = null;
    }
  }

  public KafkaBroker kafka() {
    return kafka;
  }

  public String brokers() {
    return kafka.bootstrapServers();
  }

  public CouchbaseNode node() {
    return node;
  }

  /** The address of the node, as connectors have it in their configuration. */
  public String nodeAddress() {
    return node.host() + ":" + node.port();
  }

  /** One of the buckets. */
  public Bucket documents(String bucket) {
    return node.bucket(bucket);
  }

  /** A client of the worker's REST API. */
  public ConnectClient rest() {
    return new ConnectClient(worker.url());
  }

  public Connectors connectors() {
    return new Connectors(rest());
  }

  /** The configuration of a connector that copies a bucket into the topic {@code name-bucket}. */
  public Map<String, String> config(String name, String bucket, Map<String, String> options) {
    return Connectors.config(nodeAddress(), bucket, name + "-", options);
  }

  /** Creates a connector that copies a bucket into the topic {@code name-bucket}. */
  public void create(String name, String bucket, Map<String, String> options) throws Exception {
    rest().create(name, config(name, bucket, options));
  }

  /** The committed records of a topic. */
  public Topic committed(String topic) {
    return Topic.committed(brokers(), topic);
  }
}
