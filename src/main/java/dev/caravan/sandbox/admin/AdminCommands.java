// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.admin;

import dev.caravan.sandbox.cluster.CouchbaseCluster;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** The commands of a running sandbox by name. Immutable. */
public final class AdminCommands {
  /** The action of a command. */
  @FunctionalInterface
  interface Command {
    void run(AdminArguments arguments) throws IOException, InterruptedException;
  }

  private final CouchbaseCluster cluster;
  private final KafkaBroker kafka;

  public AdminCommands(CouchbaseCluster cluster, KafkaBroker kafka) {
    this.cluster = cluster;
    this.kafka = kafka;
  }

  CouchbaseCluster cluster() {
    return cluster;
  }

  KafkaBroker kafka() {
    return kafka;
  }

  Map<String, Command> byName() {
    Map<String, Command> commands = new HashMap<>();
    commands.put("failover", this::failOver);
    commands.put("rebalance", this::rebalance);
    commands.put("stop", arguments -> node(arguments).stop());
    commands.put("start", arguments -> node(arguments).start());
    commands.put("delay", this::delay);
    commands.put("cut", arguments -> nodes(arguments, CouchbaseNode::disconnectAll));
    commands.put("half-open", arguments -> nodes(arguments, CouchbaseNode::halfOpen));
    commands.put("lag", arguments -> bucket(arguments).stopReplication(arguments.node()));
    commands.put("catch-up", this::catchUp);
    commands.put("disk-stop", arguments -> bucket(arguments).stopPersistence(arguments.node()));
    commands.put("disk-start", arguments -> bucket(arguments).resumePersistence(arguments.node()));
    commands.put("crash", arguments -> cluster.crash(arguments.node()));
    commands.put("hold", arguments -> bucket(arguments).holdStreams(vbucket(arguments)));
    commands.put("release", this::release);
    commands.put("gather", this::gather);
    commands.put("unload", arguments -> node(arguments).unloadBucket(arguments.bucket()));
    commands.put("load", arguments -> node(arguments).loadBucket(arguments.bucket()));
    commands.put("refuse", arguments -> node(arguments).refuse(refusal(arguments)));
    commands.put("purge", arguments -> bucket(arguments).purgeTombstones());
    commands.put("flush", arguments -> bucket(arguments).flush());
    commands.put("recreate", arguments -> cluster.recreateBucket(bucket(arguments).name()));
    commands.put("broker/stop", arguments -> kafka.stop());
    commands.put("broker/start", arguments -> kafka.restart());
    return commands;
  }

  private Bucket bucket(AdminArguments arguments) {
    return cluster.bucket(arguments.bucket());
  }

  private CouchbaseNode node(AdminArguments arguments) {
    return cluster.node(arguments.node());
  }

  private int vbucket(AdminArguments arguments) {
    int vbucket = arguments.number("vbucket");
    int count = bucket(arguments).vbucketCount();
    if (vbucket >= count) {
      throw new IllegalArgumentException(
          "there is no vBucket " + vbucket + "; the vBuckets are 0 to " + (count - 1));
    }
    return vbucket;
  }

  private static CouchbaseNode.Refusal refusal(AdminArguments arguments) {
    return arguments.choice("what", CouchbaseNode.Refusal.class);
  }

  private void nodes(AdminArguments arguments, Consumer<CouchbaseNode> action) {
    List<CouchbaseNode> chosen =
        arguments.has("node") ? List.of(cluster.node(arguments.node())) : cluster.nodes();
    chosen.forEach(action);
  }

  private void catchUp(AdminArguments arguments) {
    if (arguments.has("changes")) {
      bucket(arguments).replicatePartly(arguments.node(), arguments.number("changes"));
    } else {
      bucket(arguments).resumeReplication(arguments.node());
    }
  }

  private void release(AdminArguments arguments) {
    if (arguments.has("seqno")) {
      bucket(arguments).releaseStreams(vbucket(arguments), arguments.number("seqno"));
    } else {
      bucket(arguments).releaseStreams(vbucket(arguments));
    }
  }

  private void gather(AdminArguments arguments) {
    bucket(arguments).gatherChanges(Duration.ofMillis(arguments.millis()));
  }

  private void failOver(AdminArguments arguments) throws InterruptedException {
    int node = cluster.node(arguments.node()).number();
    if (arguments.has("ms")) {
      cluster.failOver(node, Duration.ofMillis(arguments.millis()));
    } else {
      cluster.failOver(node);
    }
  }

  private void rebalance(AdminArguments arguments) {
    if (arguments.has("node")) {
      cluster.rebalance(arguments.nodes());
    } else {
      cluster.rebalance();
    }
  }

  private void delay(AdminArguments arguments) {
    Duration delay = Duration.ofMillis(arguments.millis());
    nodes(arguments, node -> node.delay(delay));
  }
}
