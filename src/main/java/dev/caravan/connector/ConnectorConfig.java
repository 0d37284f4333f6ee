// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;

import dev.caravan.record.DeadLetters;
import dev.caravan.record.RecordHeaders;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.common.config.types.Password;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a connector is: the properties that somebody sent for it, checked as a whole and given their
 * types. An instance is valid and immutable.
 *
 * <p>What each key may be is in {@link ConnectorConfigDef}. Unknown keys are accepted, as Kafka
 * Connect does, and their names are logged.
 */
public final class ConnectorConfig {
  public static final String NAME = "name";
  public static final String CONNECTOR_CLASS = "connector.class";
  public static final String TASKS_MAX = "tasks.max";
  public static final String TOPIC = "topic";
  public static final String SCHEMA_NAME = "schema.name";
  public static final String NODES = "couchbase.nodes";
  public static final String BUCKET = "couchbase.bucket";
  public static final String BUCKETS = "couchbase.buckets";
  public static final String USERNAME = "couchbase.username";
  public static final String PASSWORD = "couchbase.password";
  public static final String DRAIN_RATE = "dcp.maximum.drainrate";
  public static final String TOLERANCE = "errors.tolerance";
  public static final String DEAD_LETTER_TOPIC = "errors.deadletterqueue.topic.name";
  public static final String DEAD_LETTER_REPLICATION =
      "errors.deadletterqueue.topic.replication.factor";
  public static final String DEAD_LETTER_REASONS = "errors.deadletterqueue.context.headers.enable";
  public static final String HEADERS = "couchbase.headers";
  public static final String HEADER_PREFIX = "couchbase.header.name.prefix";
  public static final String GUARANTEE = "delivery.guarantee";
  public static final String TRANSACTION_INTERVAL = "transaction.boundary.interval.ms";
  public static final String PERSISTENCE_POLLING_INTERVAL =
      "couchbase.persistence.polling.interval";
  public static final String STREAM_FROM = "couchbase.stream.from";
  public static final String PURGED_TOMBSTONES = "couchbase.purged.tombstones";
  public static final String STALL_TIMEOUT = "couchbase.stall.timeout";
  public static final String ROLLBACK_POLICY = "couchbase.rollback.policy";
  public static final String OPERATIONS_TOPIC = "couchbase.operations.topic";
  public static final String BUFFER_SIZE = "couchbase.dcpConnectionBufferSize";

  public static final String MAX_RETRIES = "errors.max.retries";
  public static final String RETRY_DELAY = "errors.retry.delay.initial.ms";
  public static final String MAX_RETRY_DELAY = "errors.retry.delay.max.ms";

  /** The topics of Kafka itself, with what later versions have. */
  private static final Set<String> KAFKA_TOPICS =
      Set.of(
          "__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata");

  private static final Logger LOG = LoggerFactory.getLogger(ConnectorConfig.class);

  private final Map<String, String> properties;
  private final AbstractConfig values;
  private final NodeAddresses nodes;
  private final List<String> buckets;

  private ConnectorConfig(
      Map<String, String> properties,
      AbstractConfig values,
      NodeAddresses nodes,
      List<String> buckets) {
    this.properties = properties;
    this.values = values;
    this.nodes = nodes;
    this.buckets = buckets;
  }

  /** Whether a {@link #CONNECTOR_CLASS} is one of ours. */
  public static boolean isConnectorClass(String name) {
    return ConnectorConfigDef.CONNECTOR_CLASSES.contains(name);
  }

  /**
   * Checks all properties of a connector at once.
   *
   * @throws InvalidConnectorConfigException naming everything that is wrong
   */
  public static ConnectorConfig parse(Map<String, String> properties) {
    List<String> errors = new ArrayList<>();
    Map<String, @Nullable Object> found = new HashMap<>();
    for (ConfigValue value : ConnectorConfigDef.DEFINITION.validate(properties)) {
      errors.addAll(value.errorMessages());
      found.put(value.name(), value.value());
    }
    List<String> buckets = chooseBuckets(found, errors);
    checkTopics(requireNonNullElse((String) found.get(TOPIC), ""), buckets, errors);
    checkCredentials(found, errors);
    if (!errors.isEmpty()) {
      throw new InvalidConnectorConfigException(errors);
    }
    AbstractConfig values = new AbstractConfig(ConnectorConfigDef.DEFINITION, properties, false);
    NodeAddresses nodes = NodeAddresses.parse(NODES, values.getString(NODES));
    return new ConnectorConfig(
        Collections.unmodifiableMap(new LinkedHashMap<>(properties)), values, nodes, buckets);
  }

  private static List<String> chooseBuckets(
      Map<String, @Nullable Object> values, List<String> errors) {
    String one = (String) values.get(BUCKET);
    String several = (String) values.get(BUCKETS);
    if (one == null && several == null) {
      boolean reported =
          errors.stream().anyMatch(e -> e.contains(" " + BUCKET + ":") || e.contains(BUCKETS));
      if (!reported) {
        errors.add(
            "Missing required configuration \""
                + BUCKET
                + "\" which has no default value. (Several buckets are given as \""
                + BUCKETS
                + "\".)");
      }
      return List.of();
    }
    if (several == null) {
      return List.of(one);
    }
    List<String> buckets = ConnectorConfigDef.split(several);
    if (one != null && !buckets.equals(List.of(one))) {
      errors.add(
          "Invalid value "
              + one
              + " for configuration "
              + BUCKET
              + ": "
              + BUCKETS
              + " says something else, "
              + several
              + "; give one of the two");
    }
    return buckets;
  }

  private static void checkTopics(String prefix, List<String> buckets, List<String> errors) {
    for (String bucket : buckets) {
      String topic = prefix + bucket;
      if (ConnectorConfigDef.BUCKET_NAME.matcher(bucket).matches()
          && !ConnectorConfigDef.isTopicName(topic)) {
        errors.add(
            "Invalid value "
                + prefix
                + " for configuration "
                + TOPIC
                + ": the topic of bucket \""
                + bucket
                + "\" would be \""
                + topic
                + "\", and a Kafka topic has 1 to 249 letters, digits or any of . _ -");
      }
    }
  }

  private static void checkCredentials(Map<String, @Nullable Object> values, List<String> errors) {
    boolean username = values.get(USERNAME) != null;
    boolean password = values.get(PASSWORD) != null;
    if (username != password) {
      errors.add(
          "Missing required configuration \""
              + (username ? PASSWORD : USERNAME)
              + "\", which \""
              + (username ? USERNAME : PASSWORD)
              + "\" can't do without.");
    }
  }

  /** Names the properties that mean nothing here in one warning, without their values. */
  public void warnOfUnknownProperties() {
    Set<String> unknown = new TreeSet<>(properties.keySet());
    unknown.removeAll(ConnectorConfigDef.DEFINITION.names());
    if (!unknown.isEmpty()) {
      LOG.warn("Connector {}: unknown properties are ignored: {}", name(), unknown);
    }
  }

  /** As they were sent, secrets included: for storing and for who asked for them, not for logs. */
  public Map<String, String> properties() {
    return properties;
  }

  /** The name of the connector. */
  public String name() {
    return values.getString(NAME);
  }

  /** The buckets to stream, at least one, each once. */
  public List<String> buckets() {
    return buckets;
  }

  /** The topic of a bucket: the prefix, then the bucket's name. */
  public String topic(String bucket) {
    return topicPrefix() + bucket;
  }

  /** The topics that this connector writes to, by the key that names them. */
  Map<String, List<String>> topics() {
    Map<String, List<String>> topics = new LinkedHashMap<>();
    topics.put(TOPIC, buckets.stream().map(this::topic).toList());
    topics.put(
        DEAD_LETTER_TOPIC,
        Optional.of(values.getString(DEAD_LETTER_TOPIC)).filter(topic -> !topic.isEmpty()).stream()
            .toList());
    topics.put(OPERATIONS_TOPIC, operationsTopic().stream().toList());
    return topics;
  }

  /**
   * Refuses topics that programs keep their own records in: a document whose id is the key of such
   * a record would replace it.
   *
   * @param workerTopics the worker's topics; those of Kafka itself are always refused
   * @throws InvalidConnectorConfigException with an error for each key that names one
   */
  public void refuseInternalTopics(Set<String> workerTopics) {
    List<String> errors = new ArrayList<>();
    topics()
        .forEach(
            (key, topics) -> {
              List<String> internal =
                  topics.stream()
                      .filter(topic -> workerTopics.contains(topic) || KAFKA_TOPICS.contains(topic))
                      .toList();
              if (!internal.isEmpty()) {
                errors.add(
                    "Invalid value "
                        + properties.getOrDefault(key, "")
                        + " for configuration "
                        + key
                        + ": records would go to topic \""
                        + String.join("\", \"", internal)
                        + "\", which "
                        + (KAFKA_TOPICS.containsAll(internal) ? "Kafka" : "the worker")
                        + " needs for itself; set "
                        + key
                        + " so that it names another topic");
              }
            });
    if (!errors.isEmpty()) {
      throw new InvalidConnectorConfigException(errors);
    }
  }

  /** What a topic's name has before the bucket's name; may be empty. */
  public String topicPrefix() {
    return values.getString(TOPIC);
  }

  /** The full name of the record schema. */
  public String schemaName() {
    return values.getString(SCHEMA_NAME);
  }

  /** The nodes, as the component takes them: {@code couchbase://host[:port],...}. */
  public String connectionString() {
    return nodes.connectionString();
  }

  /** The user, or null for each bucket's own name with an empty password. */
  public @Nullable String username() {
    return values.getString(USERNAME);
  }

  /** The password, null without a {@link #username()}. */
  public @Nullable Password password() {
    return values.getPassword(PASSWORD);
  }

  /** How many documents a second all tasks together may take; 0 for no limit. */
  public int drainRate() {
    return values.getInt(DRAIN_RATE);
  }

  /** What becomes of documents that can't be published; empty if they fail their task. */
  public Optional<DeadLetters> deadLetters(int task) {
    return values.getString(TOLERANCE).equals("none")
        ? Optional.empty()
        : Optional.of(
            new DeadLetters(
                values.getString(DEAD_LETTER_TOPIC),
                name(),
                task,
                values.getBoolean(DEAD_LETTER_REASONS)));
  }

  /** The topic of dead letters; empty if there are none, or if they go nowhere. */
  public Optional<String> deadLetterTopic() {
    return deadLetters(0).map(DeadLetters::topic).filter(topic -> !topic.isEmpty());
  }

  /** How many replicas the dead-letter topic gets when it is made; empty for the default. */
  public Optional<Short> deadLetterReplication() {
    return Optional.of(values.getShort(DEAD_LETTER_REPLICATION)).filter(n -> n != -1);
  }

  /** What the headers of each record tell. */
  public RecordHeaders headers() {
    return new RecordHeaders(
        values.getString(HEADER_PREFIX), ConnectorConfigDef.headers(values.getList(HEADERS)));
  }

  /** Whether records and offsets are written in one transaction. */
  public boolean isExactlyOnce() {
    return values.getString(GUARANTEE).equals(ConnectorConfigDef.EXACTLY_ONCE);
  }

  /** After how long a transaction is committed. */
  public Duration transactionInterval() {
    return Duration.ofMillis(values.getLong(TRANSACTION_INTERVAL));
  }

  /** How many bytes a node may send ahead; empty leaves it to the worker. */
  public OptionalInt bufferSize() {
    int bytes = values.getInt(BUFFER_SIZE);
    return bytes == 0 ? OptionalInt.empty() : OptionalInt.of(bytes);
  }

  /** How often to ask whether changes are persisted before they are published; zero for never. */
  public Duration persistencePollingInterval() {
    return ConnectorConfigDef.duration(values.getString(PERSISTENCE_POLLING_INTERVAL));
  }

  /**
   * Where a task reads a vBucket from, as the component's option {@code streamFrom} takes it. Saved
   * offsets always win; with {@link #startsAnew} there are none at first.
   */
  public String streamFrom() {
    return requireNonNull(
        ConnectorConfigDef.STREAM_FROM_OPTIONS.get(values.getString(STREAM_FROM)));
  }

  /**
   * Whether this configuration starts at the beginning, or now, although an earlier one of the
   * connector has left offsets. It does so once: after that, tasks go on from the offsets that were
   * saved under this very configuration.
   */
  public boolean startsAnew() {
    String from = values.getString(STREAM_FROM);
    return from.equals("BEGINNING") || from.equals("NOW");
  }

  /** What to do when deletions were purged before they were read: {@code strict} or lenient. */
  public String purgedTombstones() {
    return values.getString(PURGED_TOMBSTONES);
  }

  /** How long a vBucket that has changed may send nothing; zero for ever. */
  public Duration stallTimeout() {
    return ConnectorConfigDef.duration(values.getString(STALL_TIMEOUT));
  }

  /** When a task that has failed is started again. */
  public RestartPolicy restartPolicy() {
    return new RestartPolicy(
        values.getInt(MAX_RETRIES),
        Duration.ofMillis(values.getInt(RETRY_DELAY)),
        Duration.ofMillis(values.getInt(MAX_RETRY_DELAY)));
  }

  /** What to do on a rollback: {@code resume} or {@code fail}. */
  public String rollbackPolicy() {
    return values.getString(ROLLBACK_POLICY);
  }

  /** The topic that a record of each rollback goes to; empty for none. */
  public Optional<String> operationsTopic() {
    return Optional.ofNullable(values.getString(OPERATIONS_TOPIC));
  }

  /** The tasks that share the work of this connector, {@code tasks.max} of them. */
  public List<TaskConfig> tasks() {
    int tasks = values.getInt(TASKS_MAX);
    return IntStream.range(0, tasks).mapToObj(task -> new TaskConfig(this, task, tasks)).toList();
  }

  /** Names the connector only: the properties may hold secrets. */
  @Override
  public String toString() {
    return "ConnectorConfig[" + name() + "]";
  }
}
