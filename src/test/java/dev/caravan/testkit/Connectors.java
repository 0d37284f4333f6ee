// SPDX-License-Identifier: Apache-2.0
package dev.caravan.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.cli.process.ConnectClient;
import dev.caravan.cli.process.ReportedStatus.ReportedTask;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The connectors of a worker, over its REST API. */
public record Connectors(ConnectClient rest) {
  private static final Duration AT_MOST = Duration.ofSeconds(60);

  /** The longest time for a response of a worker that is not overloaded. */
  private static final Duration PROMPT = Duration.ofSeconds(5);

  /** Connectors of a worker that answers each request within 5 s. */
  public static Connectors ofPromptWorker(String url) {
    return new Connectors(new ConnectClient(url, PROMPT));
  }

  /**
   * The configuration of a connector that copies a bucket into the topic {@code prefix + bucket},
   * as the administrator of a sandbox.
   *
   * @param options take precedence
   */
  public static Map<String, String> config(
      String nodes, String bucket, String prefix, Map<String, String> options) {
    Map<String, String> config = new HashMap<>();
    config.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    config.put("topic", prefix);
    config.put("couchbase.nodes", nodes);
    config.put("couchbase.bucket", bucket);
    config.put("couchbase.username", CouchbaseNode.ADMINISTRATOR);
    config.put("couchbase.password", CouchbaseNode.ADMINISTRATOR_PASSWORD);
    config.putAll(options);
    return config;
  }

  public void create(String name, Map<String, String> config)
      throws IOException, InterruptedException {
    rest.create(name, config);
  }

  public void delete(String name) throws IOException, InterruptedException {
    rest.delete(name);
  }

  /** The state of a connector's only task. */
  public String taskState(String name) throws IOException, InterruptedException {
    return task(name).state();
  }

  /** The worker that has a connector's only task. */
  public String taskWorker(String name) throws IOException, InterruptedException {
    return task(name).workerId();
  }

  /** The status of a connector's only task. */
  public ReportedTask task(String name) throws IOException, InterruptedException {
    List<ReportedTask> tasks = rest.status(name).tasks();
    assertThat(tasks).as("tasks of " + name).hasSize(1);
    return tasks.get(0);
  }

  public List<String> taskStates(String name) throws IOException, InterruptedException {
    return rest.status(name).tasks().stream().map(ReportedTask::state).toList();
  }

  public List<String> taskWorkers(String name) throws IOException, InterruptedException {
    return rest.status(name).tasks().stream().map(ReportedTask::workerId).toList();
  }

  /** Waits until a connector's tasks have these states. */
  public void awaitStates(String name, String... states) {
    await(name)
        .atMost(AT_MOST)
        .ignoreExceptionsInstanceOf(IOException.class)
        .untilAsserted(() -> assertThat(taskStates(name)).containsExactly(states));
  }
}
