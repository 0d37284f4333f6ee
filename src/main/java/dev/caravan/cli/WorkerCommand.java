// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.caravan.cli.process.ShutdownHook;
import dev.caravan.cli.process.WorkerApplication;
import dev.caravan.worker.kafka.WorkerConfig;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
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

/** {@code caravan worker}: runs a worker until it is stopped. */
@Command(
    name = "worker",
    description = {
      "Runs a worker until it is stopped. A worker has Kafka Connect's REST API. Its connectors "
          + "stream the changes of Couchbase buckets to Kafka.",
      "",
      "A properties file with Kafka Connect's names, or flags, configure the worker. A flag takes"
          + " precedence over the file. Brokers and group are required. The workers of a group"
          + " share the tasks."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footerHeading = "%nFor example:%n",
    footer = {
      "  caravan worker -brokers localhost:9092 -group caravan -port 8083",
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
      description = "The Kafka brokers to connect to first (bootstrap.servers).")
  private @Nullable String brokers;

  @Option(
      names = "-group",
      paramLabel = "ID",
      description = "The group of workers that share the tasks (group.id).")
  private @Nullable String group;

  @Option(
      names = "-cluster",
      paramLabel = "NAME",
      description =
          "The name of the cluster of workers, a prefix of the names of its group and topics "
              + "(cluster).")
  private @Nullable String cluster;

  @Option(
      names = "-registry",
      paramLabel = "URL",
      description =
          "A schema registry with the Confluent API. With it, records are Avro, otherwise JSON "
              + "(schema.registry.url).")
  private @Nullable String registry;

  @Option(
      names = "-offsets",
      paramLabel = "TOPIC",
      description = "The topic with the offsets (offset.storage.topic; default: GROUP-offsets).")
  private @Nullable String offsets;

  @Option(
      names = "-configs",
      paramLabel = "TOPIC",
      description =
          "The topic with the connector configurations (config.storage.topic; default: "
              + "GROUP-configs).")
  private @Nullable String configs;

  @Option(
      names = "-status",
      paramLabel = "TOPIC",
      description =
          "The topic with the status of connectors (status.storage.topic; default: "
              + "GROUP-status).")
  private @Nullable String status;

  @Option(
      names = "-port",
      paramLabel = "PORT",
      description =
          "The port of the REST API on all interfaces, 0 for any free port (listeners; default: "
              + "8083).")
  private @Nullable Integer port;

  @Override
  public Integer call() throws Exception {
    OutOfMemoryHandler.install();
    WorkerApplication worker = WorkerApplication.start(settings());
    spec.commandLine().getOut().println("worker: ready " + worker.url());
    spec.commandLine().getOut().flush();
    ShutdownHook.installAndWait(worker, worker.refusal());
    return 1;
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
    put(settings, WorkerConfig.STATUS_TOPIC, status);
    if (port != null) {
      settings.put(WorkerConfig.LISTENERS, "http://:" + port);
    }
    return settings;
  }

  private static Properties read(Path file) throws IOException {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file, UTF_8)) {
      properties.load(reader);
    } catch (NoSuchFileException e) {
      throw new IOException("There is no properties file " + file, e);
    } catch (IOException e) {
      throw new IOException("Can't read the properties file \"" + file + "\": " + e, e);
    }
    return properties;
  }

  private static void put(Map<String, String> settings, String key, @Nullable String value) {
    if (value != null) {
      settings.put(key, value);
    }
  }
}
