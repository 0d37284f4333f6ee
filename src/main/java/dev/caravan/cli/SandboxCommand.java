// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import dev.caravan.cli.process.ShutdownHook;
import dev.caravan.sandbox.Sandbox;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code caravan sandbox}: a Couchbase node and a Kafka broker, until stopped. */
@Command(
    name = "sandbox",
    description = {
      "Runs a Couchbase node and a Kafka broker in one process, to try Caravan on, until stopped.",
      "",
      "The node speaks the memcached and DCP protocols and keeps its documents in memory. Its"
          + " administrator is Administrator with the password 'password'; a bucket's own name with"
          + " an empty password is taken for that bucket, too. Kafka is real."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class SandboxCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--host",
      paramLabel = "HOST",
      defaultValue = "127.0.0.1",
      description = "The address to listen on (default: ${DEFAULT-VALUE}).")
  private String host;

  @Option(
      names = "--kv-port",
      paramLabel = "P",
      defaultValue = "11210",
      description =
          "The port of the Couchbase node, 0 for any free one (default: ${DEFAULT-VALUE}). "
              + "camel-couchbase can only use 11210.")
  private int kvPort;

  @Option(
      names = "--kafka-port",
      paramLabel = "P",
      defaultValue = "9092",
      description = "The port of the broker, 0 for any free one (default: ${DEFAULT-VALUE}).")
  private int kafkaPort;

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "How many Couchbase nodes. Each listens on a loopback address of its own: 127.0.0.1, "
              + "127.0.0.2 and so on (default: ${DEFAULT-VALUE}).")
  private int nodes;

  @Option(
      names = "--replicas",
      paramLabel = "R",
      defaultValue = "1",
      description =
          "How many replicas of each vBucket, 0 to 3, as far as there are nodes for them (default: "
              + "${DEFAULT-VALUE}).")
  private int replicas;

  @Option(
      names = "--admin-port",
      paramLabel = "P",
      defaultValue = "-1",
      description =
          "Takes commands over HTTP on this port of localhost, 0 for any free one; -1 is none "
              + "(default: ${DEFAULT-VALUE}). The history of the buckets is recorded for them.")
  private int adminPort;

  @Option(
      names = "--bucket",
      paramLabel = "NAME",
      defaultValue = "default",
      description = "A bucket; may be given several times (default: ${DEFAULT-VALUE}).")
  private List<String> buckets;

  @Option(
      names = "--vbuckets",
      paramLabel = "N",
      defaultValue = "1024",
      description = "The number of vBuckets of each bucket, 1 to 1024 (default: ${DEFAULT-VALUE}).")
  private int vbuckets;

  @Option(
      names = "--documents",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "How many documents each bucket holds at the start (default: ${DEFAULT-VALUE}).")
  private int documents;

  @Option(
      names = "--size",
      paramLabel = "BYTES",
      defaultValue = "300",
      description = "The size of those documents (default: ${DEFAULT-VALUE}).")
  private int size;

  @Override
  public Integer call() throws Exception {
    if (documents < 0) {
      throw new ParameterException(
          spec.commandLine(), "--documents must be 0 or more, not " + documents + ".");
    }
    Sandbox sandbox =
        Sandbox.builder()
            .host(host)
            .kvPort(kvPort)
            .kafkaPort(kafkaPort)
            .buckets(buckets)
            .vbuckets(vbuckets)
            .nodes(nodes)
            .replicas(replicas)
            .adminPort(adminPort)
            .start();
    for (String bucket : buckets) {
      sandbox.load(bucket, documents, size);
    }
    spec.commandLine()
        .getOut()
        .printf(
            "sandbox: ready couchbase=%s kafka=%s%s%n",
            sandbox.couchbaseAddress(), sandbox.kafkaAddress(), admin(sandbox));
    spec.commandLine().getOut().flush();
    ShutdownHook.installAndWait(sandbox);
    return 0;
  }

  private static String admin(Sandbox sandbox) {
    OptionalInt port = sandbox.adminPort();
    return port.isPresent() ? " admin=http://127.0.0.1:" + port.getAsInt() : "";
  }
}
