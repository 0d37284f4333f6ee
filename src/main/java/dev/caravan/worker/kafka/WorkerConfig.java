// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.kafka;

import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.common.internals.Topic;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The configuration of a worker, with Kafka Connect's property names. Valid and immutable.
 *
 * <p>Client properties without a prefix, such as {@code security.protocol}, go to every client of
 * the worker. Those with the prefix {@code producer.}, {@code consumer.} or {@code admin.} go to
 * the clients of that kind.
 */
public final class WorkerConfig {
  public static final String BOOTSTRAP_SERVERS = CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG;
  public static final String GROUP_ID = CommonClientConfigs.GROUP_ID_CONFIG;
  public static final String CLUSTER = "cluster";
  public static final String CONFIG_TOPIC = "config.storage.topic";
  public static final String CONFIG_TOPIC_REPLICATION = "config.storage.replication.factor";
  public static final String OFFSET_TOPIC = "offset.storage.topic";
  public static final String OFFSET_TOPIC_REPLICATION = "offset.storage.replication.factor";
  public static final String OFFSET_TOPIC_PARTITIONS = "offset.storage.partitions";
  public static final String STATUS_TOPIC = "status.storage.topic";
  public static final String STATUS_TOPIC_REPLICATION = "status.storage.replication.factor";
  public static final String STATUS_TOPIC_PARTITIONS = "status.storage.partitions";
  public static final String SESSION_TIMEOUT = CommonClientConfigs.SESSION_TIMEOUT_MS_CONFIG;
  public static final String HEARTBEAT_INTERVAL = CommonClientConfigs.HEARTBEAT_INTERVAL_MS_CONFIG;
  public static final String REBALANCE_TIMEOUT = CommonClientConfigs.REBALANCE_TIMEOUT_MS_CONFIG;
  public static final String LISTENERS = "listeners";
  public static final String ADVERTISED_HOST = "rest.advertised.host.name";
  public static final String SCHEMA_REGISTRY = "schema.registry.url";

  private static final Logger LOG = LoggerFactory.getLogger(WorkerConfig.class);
  private static final String PRODUCER_PREFIX = "producer.";
  private static final String CONSUMER_PREFIX = "consumer.";
  private static final String ADMIN_PREFIX = "admin.";

  /** Client properties that the worker sets itself for each client. */
  private static final Set<String> OWN =
      Set.of(BOOTSTRAP_SERVERS, CommonClientConfigs.CLIENT_ID_CONFIG);

  /** The suffixes of the default topic names, which start with the group id. */
  private static final Map<String, String> DEFAULT_TOPICS =
      Map.of(CONFIG_TOPIC, "-configs", OFFSET_TOPIC, "-offsets", STATUS_TOPIC, "-status");

  private static final int MAX_PORT = 65535;

  /** A host name, an IPv4 address, or an IPv6 address in brackets, followed by a port. */
  private static final Pattern BROKER =
      Pattern.compile(
          "([A-Za-z][A-Za-z0-9+.-]*://)?([A-Za-z0-9._%-]+|\\[[0-9A-Fa-f:.%]+])[:][0-9]{1,5}");

  private static final ConfigDef DEFINITION =
      topics()
          .define(
              BOOTSTRAP_SERVERS,
              ConfigDef.Type.LIST,
              ConfigDef.NO_DEFAULT_VALUE,
              WorkerConfig::checkBrokers,
              Importance.HIGH,
              "The Kafka brokers, as host:port, separated by commas.")
          .define(
              GROUP_ID,
              ConfigDef.Type.STRING,
              ConfigDef.NO_DEFAULT_VALUE,
              new ConfigDef.NonEmptyString(),
              Importance.HIGH,
              "The group of workers that share the load.")
          .define(
              CLUSTER,
              ConfigDef.Type.STRING,
              "",
              WorkerConfig::checkCluster,
              Importance.LOW,
              "The name of the cluster of workers. It is the prefix of the group id and of the default"
                  + " topic names. Without it, the names are the same as Kafka Connect's.")
          .define(
              SESSION_TIMEOUT,
              ConfigDef.Type.INT,
              10_000,
              ConfigDef.Range.atLeast(1000),
              Importance.HIGH,
              "The time in milliseconds without a heartbeat after which the group assigns the tasks of"
                  + " a worker to others.")
          .define(
              HEARTBEAT_INTERVAL,
              ConfigDef.Type.INT,
              200,
              ConfigDef.Range.atLeast(1),
              Importance.LOW,
              "The time in milliseconds between the heartbeats of a worker. A worker learns with its"
                  + " next heartbeat that another one has joined or left. At most half of the session"
                  + " timeout.")
          .define(
              REBALANCE_TIMEOUT,
              ConfigDef.Type.INT,
              30_000,
              ConfigDef.Range.atLeast(1000),
              Importance.LOW,
              "The time in milliseconds within which all workers must join a rebalance.")
          .define(
              LISTENERS,
              ConfigDef.Type.STRING,
              "http://:8083",
              WorkerConfig::checkListener,
              Importance.HIGH,
              "The address of the REST API, as http://host:port. Without a host it listens on all"
                  + " interfaces; with port 0, on any free port.")
          .define(
              ADVERTISED_HOST,
              ConfigDef.Type.STRING,
              "",
              Importance.LOW,
              "The host in this worker's id, which the status of its tasks shows.")
          .define(
              SCHEMA_REGISTRY,
              ConfigDef.Type.STRING,
              "",
              WorkerConfig::checkRegistry,
              Importance.HIGH,
              "The URL of the schema registry. Without one, values are JSON.");

  private static ConfigDef topics() {
    ConfigDef definition = new ConfigDef();
    define(definition, CONFIG_TOPIC, CONFIG_TOPIC_REPLICATION);
    define(definition, OFFSET_TOPIC, OFFSET_TOPIC_REPLICATION);
    define(definition, STATUS_TOPIC, STATUS_TOPIC_REPLICATION);
    define(definition, OFFSET_TOPIC_PARTITIONS, 25);
    define(definition, STATUS_TOPIC_PARTITIONS, 5);
    return definition;
  }

  private static void define(ConfigDef definition, String topic, String replication) {
    definition
        .define(
            topic,
            ConfigDef.Type.STRING,
            "",
            WorkerConfig::checkTopic,
            Importance.HIGH,
            "The name of an internal topic. The default is the group id followed by "
                + DEFAULT_TOPICS.get(topic)
                + ".")
        .define(
            replication,
            ConfigDef.Type.SHORT,
            (short) 3,
            WorkerConfig::checkReplication,
            Importance.LOW,
            "The replication factor of that topic if the worker creates it; -1 for the broker's"
                + " default. Unless set, not more than the number of brokers.");
  }

  private static void define(ConfigDef definition, String partitions, int count) {
    definition.define(
        partitions,
        ConfigDef.Type.INT,
        count,
        WorkerConfig::checkPartitions,
        Importance.LOW,
        "The number of partitions of that topic if the worker creates it; -1 for the broker's"
            + " default.");
  }

  private final Map<String, String> properties;
  private final AbstractConfig values;
  private final Listener listener;

  private WorkerConfig(Map<String, String> properties, AbstractConfig values, Listener listener) {
    this.properties = properties;
    this.values = values;
    this.listener = listener;
  }

  /**
   * Parses and checks all properties. Logs one warning that names all unknown properties.
   *
   * @throws ConfigException if any property is invalid; the message lists all errors
   */
  public static WorkerConfig parse(Map<String, String> properties) {
    List<String> errors = new ArrayList<>();
    for (ConfigValue value : DEFINITION.validate(properties)) {
      errors.addAll(value.errorMessages());
    }
    refuse(errors);
    AbstractConfig values = new AbstractConfig(DEFINITION, properties, false);
    WorkerConfig config =
        new WorkerConfig(
            Map.copyOf(properties), values, Listener.parse(values.getString(LISTENERS)));
    config.checkTogether(errors);
    refuse(errors);
    config.warnOfUnknownProperties();
    return config;
  }

  private static void refuse(List<String> errors) {
    if (!errors.isEmpty()) {
      throw new ConfigException(String.join("\n", errors));
    }
  }

  /** Checks properties that depend on each other, and those of the Kafka clients. */
  private void checkTogether(List<String> errors) {
    int session = values.getInt(SESSION_TIMEOUT);
    if (values.getInt(HEARTBEAT_INTERVAL) > session / 2) {
      errors.add(
          invalid(
              HEARTBEAT_INTERVAL,
              values.getInt(HEARTBEAT_INTERVAL),
              "A worker is taken for dead when "
                  + SESSION_TIMEOUT
                  + ", "
                  + session
                  + ", is over: set at most half of that"));
    }
    Map<String, String> properties = new HashMap<>();
    for (String property : new TreeSet<>(DEFAULT_TOPICS.keySet())) {
      String other = properties.put(topic(property), property);
      if (other != null) {
        errors.add(
            invalid(
                property,
                topic(property),
                "That is the topic of " + other + ", too; each needs a topic of its own"));
      }
    }
    checkClient("", adminSettings(), AdminClientConfig.configDef(), errors);
    checkClient(PRODUCER_PREFIX, producerSettings(), ProducerConfig.configDef(), errors);
    checkClient(CONSUMER_PREFIX, consumerSettings(), ConsumerConfig.configDef(), errors);
    checkClient(ADMIN_PREFIX, adminSettings(), AdminClientConfig.configDef(), errors);
  }

  /**
   * Checks the properties of one kind of client, and names each by the key in this configuration.
   */
  private void checkClient(
      String prefix, Map<String, Object> settings, ConfigDef definition, List<String> errors) {
    Map<String, String> given = new HashMap<>();
    settings.forEach((key, value) -> given.put(key, value.toString()));
    for (ConfigValue value : definition.validate(given)) {
      if (properties.containsKey(prefix + value.name())
          && !DEFINITION.names().contains(value.name())) {
        for (String error : value.errorMessages()) {
          errors.add(
              error.replace(
                  " for configuration " + value.name(),
                  " for configuration " + prefix + value.name()));
        }
      }
    }
  }

  private static String invalid(String key, Object value, String reason) {
    return String.valueOf(new ConfigException(key, value, reason).getMessage());
  }

  private static void checkBrokers(String key, Object value) {
    List<?> brokers = value == null ? List.of() : (List<?>) value;
    if (value != null
        && (brokers.isEmpty()
            || !brokers.stream().allMatch(broker -> BROKER.matcher((String) broker).matches()))) {
      throw new ConfigException(
          key,
          String.join(",", brokers.stream().map(String::valueOf).toList()),
          "Give each broker as host:port, separated by commas");
    }
  }

  private static void checkRegistry(String key, Object value) {
    String url = (String) value;
    if (!url.isEmpty() && !url.matches("https?://[^\\s/]+.*")) {
      throw new ConfigException(
          key, "[hidden]", "Give a URL, http://host:port or https://host:port");
    }
  }

  private static void checkTopic(String key, Object value) {
    String topic = (String) value;
    if (!topic.isEmpty()
        && (!topic.matches("[a-zA-Z0-9._-]{1,249}") || topic.equals(".") || topic.equals(".."))) {
      throw new ConfigException(
          key, value, "A Kafka topic has 1 to 249 letters, digits or any of . _ -");
    }
    if (Topic.isInternal(topic)) {
      throw new ConfigException(key, value, "Kafka needs that topic for itself; set another one");
    }
  }

  private static void checkCluster(String key, Object value) {
    if (!((String) value).matches("[A-Za-z0-9._-]{0,100}")) {
      throw new ConfigException(
          key, value, "It is part of topic names: up to 100 letters, digits or any of . _ -");
    }
  }

  private static void checkReplication(String key, Object value) {
    if (value != null && (short) value < 1 && (short) value != -1) {
      throw new ConfigException(
          key, value, "Value must be at least 1, or -1 for the broker's default");
    }
  }

  private static void checkPartitions(String key, Object value) {
    if (value != null && (int) value < 1 && (int) value != -1) {
      throw new ConfigException(
          key, value, "Value must be at least 1, or -1 for the broker's default");
    }
  }

  private static void checkListener(String key, Object value) {
    if (value != null) {
      Listener.parse((String) value);
    }
  }

  private void warnOfUnknownProperties() {
    Set<String> unknown = new TreeSet<>(properties.keySet());
    unknown.removeAll(DEFINITION.names());
    unknown.removeAll(AdminClientConfig.configNames());
    unknown.removeIf(
        key ->
            key.startsWith(PRODUCER_PREFIX)
                || key.startsWith(CONSUMER_PREFIX)
                || key.startsWith(ADMIN_PREFIX));
    if (!unknown.isEmpty()) {
      LOG.warn("Ignoring unknown properties of the worker: {}", unknown);
    }
  }

  /**
   * Returns the Kafka group id of the workers, which starts with the cluster name if there is one.
   */
  public String groupId() {
    return clientIdPrefix() + values.getString(GROUP_ID);
  }

  /**
   * Returns the prefix of the group id and of the tasks' client ids; empty without a cluster name.
   */
  public String clientIdPrefix() {
    String cluster = values.getString(CLUSTER);
    return cluster.isEmpty() ? "" : cluster + "-";
  }

  /**
   * Returns how long the group waits for a worker before it assigns the worker's tasks to others.
   * This is the smaller of the session timeout and the rebalance timeout.
   */
  public Duration leaseTimeout() {
    return Duration.ofMillis(
        Math.min(values.getInt(SESSION_TIMEOUT), values.getInt(REBALANCE_TIMEOUT)));
  }

  /** Returns the settings of the consumer that joins the group. */
  public Map<String, Object> groupSettings() {
    Map<String, Object> settings = new HashMap<>(internalConsumerSettings());
    settings.put(ConsumerConfig.GROUP_ID_CONFIG, groupId());
    settings.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, values.getInt(SESSION_TIMEOUT));
    settings.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, values.getInt(HEARTBEAT_INTERVAL));
    settings.put(ConsumerConfig.MAX_POLL_INTERVAL_MS_CONFIG, values.getInt(REBALANCE_TIMEOUT));
    return settings;
  }

  /** Returns the brokers, separated by commas. */
  public String bootstrapServers() {
    return String.join(",", brokers());
  }

  private List<String> brokers() {
    return values.getList(BOOTSTRAP_SERVERS);
  }

  /** Returns the topic for connector configurations. */
  public InternalTopic configTopic() {
    return internalTopic(
        CONFIG_TOPIC, "connector configurations", true, Optional.of(1), CONFIG_TOPIC_REPLICATION);
  }

  /** Returns the topic for connector offsets. */
  public InternalTopic offsetTopic() {
    return internalTopic(
        OFFSET_TOPIC,
        "connector offsets",
        false,
        Optional.of(values.getInt(OFFSET_TOPIC_PARTITIONS)).filter(n -> n != -1),
        OFFSET_TOPIC_REPLICATION);
  }

  /** Returns the topic for connector statuses. */
  public InternalTopic statusTopic() {
    return internalTopic(
        STATUS_TOPIC,
        "connector statuses",
        false,
        Optional.of(values.getInt(STATUS_TOPIC_PARTITIONS)).filter(n -> n != -1),
        STATUS_TOPIC_REPLICATION);
  }

  private String topic(String property) {
    String given = values.getString(property);
    return given.isEmpty() ? groupId() + DEFAULT_TOPICS.get(property) : given;
  }

  private InternalTopic internalTopic(
      String property,
      String contents,
      boolean singlePartition,
      Optional<Integer> partitions,
      String replicationProperty) {
    return new InternalTopic(
        property,
        topic(property),
        contents,
        singlePartition,
        partitions,
        Optional.of(values.getShort(replicationProperty)).filter(n -> n != -1),
        replicationProperty,
        properties.containsKey(replicationProperty));
  }

  /** Returns the internal topics of the worker. No connector may write to them. */
  public Set<String> internalTopics() {
    Set<String> topics = new TreeSet<>();
    DEFAULT_TOPICS.keySet().forEach(property -> topics.add(topic(property)));
    return topics;
  }

  /** Returns the other groups that would use one of the internal topics by default. */
  public Set<String> groupsOfTopics() {
    Set<String> groups = new TreeSet<>();
    DEFAULT_TOPICS.forEach(
        (property, suffix) -> {
          String topic = topic(property);
          if (topic.endsWith(suffix) && topic.length() > suffix.length()) {
            groups.add(topic.substring(0, topic.length() - suffix.length()));
          }
        });
    groups.remove(groupId());
    return groups;
  }

  /** Returns the address to listen on; {@code 0.0.0.0} for all interfaces. */
  public String host() {
    return listener.host().isEmpty() ? "0.0.0.0" : listener.host();
  }

  /** Returns the port to listen on; 0 for any free port. */
  public int port() {
    return listener.port();
  }

  /**
   * Returns the host under which others reach this worker; empty if neither that nor a listener
   * host is configured.
   */
  public Optional<String> advertisedHost() {
    return Optional.of(values.getString(ADVERTISED_HOST))
        .filter(host -> !host.isEmpty())
        .or(() -> Optional.of(listener.host()).filter(host -> !host.isEmpty()));
  }

  /** Returns the URL of the schema registry; empty if there is none. */
  public Optional<String> schemaRegistry() {
    return Optional.of(values.getString(SCHEMA_REGISTRY)).filter(url -> !url.isEmpty());
  }

  /** Returns the settings of the worker's producers. */
  public Map<String, Object> producerSettings() {
    return clientSettings(PRODUCER_PREFIX, ProducerConfig.configNames());
  }

  /** Returns the settings of producers for internal topics. They keep the order of records. */
  public Map<String, Object> internalProducerSettings() {
    Map<String, Object> settings = new HashMap<>(producerSettings());
    settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers());
    settings.put(ProducerConfig.ACKS_CONFIG, "all");
    settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    settings.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, 1);
    settings.put(ProducerConfig.LINGER_MS_CONFIG, 0);
    return settings;
  }

  /**
   * Returns the settings of consumers for internal topics. They read committed records from the
   * beginning.
   */
  public Map<String, Object> internalConsumerSettings() {
    Map<String, Object> settings = new HashMap<>(consumerSettings());
    settings.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers());
    settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
    return settings;
  }

  /** Returns the settings of the worker's consumers. */
  public Map<String, Object> consumerSettings() {
    return clientSettings(CONSUMER_PREFIX, ConsumerConfig.configNames());
  }

  /** Returns the settings of the worker's admin client. */
  public Map<String, Object> adminSettings() {
    return clientSettings(ADMIN_PREFIX, AdminClientConfig.configNames());
  }

  private Map<String, Object> clientSettings(String prefix, Set<String> known) {
    Map<String, Object> settings = new HashMap<>();
    for (String key : AdminClientConfig.configNames()) {
      if (known.contains(key) && properties.containsKey(key) && !OWN.contains(key)) {
        settings.put(key, properties.get(key));
      }
    }
    properties.forEach(
        (key, value) -> {
          if (key.startsWith(prefix)) {
            settings.put(key.substring(prefix.length()), value);
          }
        });
    return settings;
  }

  /** The address on which the REST API listens. */
  private record Listener(String host, int port) {
    static Listener parse(String value) {
      try {
        // A URI must have a host; a listener need not.
        URI uri = new URI(value.trim().replaceFirst("://(?=:)", "://0.0.0.0"));
        boolean bare = uri.getRawPath() == null || uri.getRawPath().matches("/?");
        // Kafka Connect's sample file has HTTP.
        if ("http".equalsIgnoreCase(uri.getScheme())
            && uri.getHost() != null
            && uri.getPort() >= 0
            && uri.getPort() <= MAX_PORT
            && bare) {
          String host = uri.getHost().equals("0.0.0.0") ? "" : uri.getHost();
          return new Listener(host.replaceAll("[\\[\\]]", ""), uri.getPort());
        }
      } catch (URISyntaxException e) {
        // The ConfigException below reports it.
      }
      throw new ConfigException(
          LISTENERS, value, "Give one listener as http://host:port, or http://:port");
    }
  }
}
