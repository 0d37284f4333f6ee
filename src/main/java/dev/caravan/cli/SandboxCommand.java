// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import dev.caravan.cli.process.OptionCheck;
import dev.caravan.cli.process.ShutdownHook;
import dev.caravan.sandbox.Sandbox;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code caravan sandbox}: runs Couchbase nodes and a Kafka broker until it is stopped. */
@Command(
    name = "sandbox",
    description = {
      "Runs Couchbase nodes and a Kafka broker in one process until it is stopped.",
      "",
      "The nodes speak the memcached and DCP protocols and keep their documents in memory. Log in"
          + " as Administrator with the password 'password', or with the name of a bucket as the"
          + " user and an empty password. The broker is a real one."
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
          "The port of the Couchbase nodes, 0 for any free port (default: ${DEFAULT-VALUE}). "
              + "camel-couchbase can use 11210 only.")
  private int kvPort;

  @Option(
      names = "--kafka-port",
      paramLabel = "P",
      defaultValue = "9092",
      description = "The port of the broker, 0 for any free port (default: ${DEFAULT-VALUE}).")
  private int kafkaPort;

  @Option(
      names = "--nodes",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "The number of Couchbase nodes. They listen on 127.0.0.1, 127.0.0.2 and so on (default: "
              + "${DEFAULT-VALUE}).")
  private int nodes;

  @Option(
      names = "--replicas",
      paramLabel = "R",
      defaultValue = "1",
      description =
          "The number of replicas of each vBucket, 0 to 3. Fewer if there are not enough nodes "
              + "(default: ${DEFAULT-VALUE}).")
  private int replicas;

  @Option(
      names = "--admin-port",
      paramLabel = "P",
      defaultValue = "-1",
      description =
          "Accepts commands over HTTP on this port of localhost, 0 for any free port, -1 for none "
              + "(default: ${DEFAULT-VALUE}). With it, the history of the buckets is recorded.")
  private int adminPort;

  @Option(
      names = "--bucket",
      paramLabel = "NAME",
      defaultValue = "default",
      description = "A bucket. Repeat the option for more buckets (default: ${DEFAULT-VALUE}).")
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
          "The number of documents in each bucket at the start (default: ${DEFAULT-VALUE}).")
  private int documents;

  @Option(
      names = "--size",
      paramLabel = "BYTES",
      defaultValue = "300",
      description = "The size of these documents in bytes (default: ${DEFAULT-VALUE}).")
  private int size;

  @Override
  public Integer call() throws Exception {
    OptionCheck.requireAtLeast(spec, "--documents", 0, documents);
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
