// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.caravan.worker.WorkerConfig;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code caravan worker}: a worker, until stopped. */
@Command(
    name = "worker",
    description = {
      "Runs a worker, which takes connectors over a REST API like Kafka Connect's and streams the "
          + "changes of Couchbase buckets to Kafka, until stopped.",
      "",
      "Settings come from a properties file in Kafka Connect's names, or from the flags, which win "
          + "over the file. Needed are brokers, group, configs and offsets."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nFor example:%n",
    footer = {
      "  caravan worker -brokers localhost:9092 -group caravan \\",
      "      -configs caravan-configs -offsets caravan-offsets -port 8083",
      "  caravan worker worker.properties"
    })
final class WorkerCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(
      arity = "0..1",
      paramLabel = "FILE",
      description = "A properties file: bootstrap.servers, group.id, config.storage.topic, ...")
  private @Nullable Path file;

  @Option(
      names = "-brokers",
      paramLabel = "HOST:PORT,...",
      description = "Kafka brokers to start from (bootstrap.servers).")
  private @Nullable String brokers;

  @Option(
      names = "-group",
      paramLabel = "ID",
      description = "The group of workers that share the load (group.id).")
  private @Nullable String group;

  @Option(
      names = "-cluster",
      paramLabel = "NAME",
      description = "The name of the cluster of workers (cluster).")
  private @Nullable String cluster;

  @Option(
      names = "-registry",
      paramLabel = "URL",
      description =
          "A schema registry with the Confluent API; records are Avro then, JSON without one "
              + "(schema.registry.url).")
  private @Nullable String registry;

  @Option(
      names = "-offsets",
      paramLabel = "TOPIC",
      description = "The topic that keeps offsets (offset.storage.topic).")
  private @Nullable String offsets;

  @Option(
      names = "-configs",
      paramLabel = "TOPIC",
      description = "The topic that keeps connector configurations (config.storage.topic).")
  private @Nullable String configs;

  @Option(
      names = "-port",
      paramLabel = "PORT",
      description =
          "The port of the REST API on every interface, 0 for any free one (listeners; default: "
              + "8083).")
  private @Nullable Integer port;

  @Override
  public Integer call() throws Exception {
    WorkerApplication worker = WorkerApplication.start(settings());
    spec.commandLine().getOut().println("worker: ready " + worker.url());
    spec.commandLine().getOut().flush();
    Stop.await(worker);
    return 0;
  }

  private Map<String, String> settings() throws IOException {
    Map<String, String> settings = new TreeMap<>();
    if (file != null) {
      read(file).forEach((key, value) -> settings.put((String) key, (String) value));
    }
    put(settings, WorkerConfig.BOOTSTRAP_SERVERS, brokers);
    put(settings, WorkerConfig.GROUP_ID, group);
    put(settings, WorkerConfig.CLUSTER, cluster);
    put(settings, WorkerConfig.SCHEMA_REGISTRY, registry);
    put(settings, WorkerConfig.OFFSET_TOPIC, offsets);
    put(settings, WorkerConfig.CONFIG_TOPIC, configs);
    if (port != null) {
      settings.put(WorkerConfig.LISTENERS, "http://:" + port);
    }
    return settings;
  }

  private static Properties read(Path file) throws IOException {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file, UTF_8)) {
      properties.load(reader);
    } catch (IOException e) {
      throw new IOException("Can't read the properties file " + file + ": " + e, e);
    }
    return properties;
  }

  private static void put(Map<String, String> settings, String key, @Nullable String value) {
    if (value != null) {
      settings.put(key, value);
    }
  }
}
