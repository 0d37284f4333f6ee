// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** What a sandbox can be told to do, by name. Immutable. */
final class SandboxCommands {
  private final CouchbaseCluster cluster;
  private final KafkaBroker kafka;

  SandboxCommands(CouchbaseCluster cluster, KafkaBroker kafka) {
    this.cluster = cluster;
    this.kafka = kafka;
  }

  CouchbaseCluster cluster() {
    return cluster;
  }

  KafkaBroker kafka() {
    return kafka;
  }

  Map<String, SandboxAdmin.Command> byName() {
    Map<String, SandboxAdmin.Command> commands = new HashMap<>();
    commands.put("failover", this::failOver);
    commands.put("rebalance", this::rebalance);
    commands.put("stop", arguments -> cluster.node(arguments.node()).stop());
    commands.put("start", arguments -> cluster.node(arguments.node()).start());
    commands.put("delay", this::delay);
    commands.put("cut", arguments -> nodes(arguments, CouchbaseNode::disconnectAll));
    commands.put("half-open", arguments -> nodes(arguments, CouchbaseNode::halfOpen));
    commands.put("lag", arguments -> bucket(arguments).stopReplication(arguments.node()));
    commands.put("catch-up", arguments -> bucket(arguments).resumeReplication(arguments.node()));
    commands.put("disk-stop", arguments -> bucket(arguments).stopPersistence(arguments.node()));
    commands.put("disk-start", arguments -> bucket(arguments).resumePersistence(arguments.node()));
    commands.put("purge", arguments -> bucket(arguments).purgeTombstones());
    commands.put("flush", arguments -> bucket(arguments).flush());
    commands.put("recreate", arguments -> cluster.recreateBucket(bucket(arguments).name()));
    commands.put("broker/stop", arguments -> kafka.stop());
    commands.put("broker/start", arguments -> kafka.restart());
    return commands;
  }

  private Bucket bucket(SandboxArguments arguments) {
    return cluster.bucket(arguments.bucket());
  }

  private void nodes(SandboxArguments arguments, Consumer<CouchbaseNode> action) {
    List<CouchbaseNode> chosen =
        arguments.has("node") ? List.of(cluster.node(arguments.node())) : cluster.nodes();
    chosen.forEach(action);
  }

  private void failOver(SandboxArguments arguments) throws InterruptedException {
    int node = cluster.node(arguments.node()).number();
    if (arguments.has("ms")) {
      cluster.failOver(node, Duration.ofMillis(arguments.millis()));
    } else {
      cluster.failOver(node);
    }
  }

  private void rebalance(SandboxArguments arguments) {
    if (arguments.has("node")) {
      cluster.rebalance(arguments.nodes());
    } else {
      cluster.rebalance();
    }
  }

  private void delay(SandboxArguments arguments) {
    Duration delay = Duration.ofMillis(arguments.millis());
    nodes(arguments, node -> node.delay(delay));
  }
}
