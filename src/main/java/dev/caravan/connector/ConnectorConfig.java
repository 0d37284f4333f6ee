// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static java.util.Objects.requireNonNullElse;

import dev.caravan.record.DeadLetters;
import dev.caravan.record.RecordHeader;
import dev.caravan.record.RecordHeaders;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.common.config.types.Password;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a connector is: the properties that somebody sent for it, checked as a whole and given their
 * types. An instance is valid and immutable.
 *
 * <p>Keys are declared with Kafka's {@link ConfigDef}, so that messages are Kafka Connect's own.
 * Unknown keys are accepted, as Kafka Connect does, and their names are logged.
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
  public static final String ROLLBACK_POLICY = "couchbase.rollback.policy";
  public static final String OPERATIONS_TOPIC = "couchbase.operations.topic";
  public static final String BUFFER_SIZE = "couchbase.dcpConnectionBufferSize";

  /** The class that the mission's page names, and this project's own name for the same thing. */
  static final Set<String> CONNECTOR_CLASSES =
      Collections.unmodifiableSet(
          new LinkedHashSet<>(
              List.of(
                  "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector",
                  "dev.caravan.CouchbaseSourceConnector")));

  /** As many tasks as a bucket has vBuckets, at most: a task without any would have no work. */
  static final int MAX_TASKS = 1024;

  /** More documents a second than a connector can read: a limit there would not limit anything. */
  static final int MAX_DRAIN_RATE = 5_000_000;

  static final String AT_LEAST_ONCE = "at_least_once";
  static final String EXACTLY_ONCE = "exactly_once";
  static final long MAX_TRANSACTION_INTERVAL = 10_000;

  static final int DEFAULT_BUFFER_SIZE = 20 * 1024 * 1024;
  static final int MIN_BUFFER_SIZE = 64 * 1024;

  private static final Logger LOG = LoggerFactory.getLogger(ConnectorConfig.class);

  /** Couchbase's rule for the name of a bucket. */
  private static final Pattern BUCKET_NAME = Pattern.compile("[A-Za-z0-9_.%-]{1,100}");

  /** Kafka's rule for the name of a topic, but for "." and "..". */
  private static final Pattern TOPIC_NAME = Pattern.compile("[A-Za-z0-9._-]{1,249}");

  /** A duration as the official connector writes it. */
  private static final Pattern DURATION = Pattern.compile("0|(?<amount>[0-9]{1,6})(?<unit>ms|s|m)");

  private static final Duration MAX_POLLING_INTERVAL = Duration.ofMinutes(1);

  /** A full name of Avro: names separated by dots. */
  private static final Pattern FULL_NAME =
      Pattern.compile("[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)*");

  private static final ConfigDef DEFINITION =
      new ConfigDef()
          .define(
              NAME,
              ConfigDef.Type.STRING,
              ConfigDef.NO_DEFAULT_VALUE,
              ConfigDef.NonEmptyStringWithoutControlChars.nonEmptyStringWithoutControlChars(),
              Importance.HIGH,
              "Globally unique name of the connector.")
          .define(
              CONNECTOR_CLASS,
              ConfigDef.Type.STRING,
              ConfigDef.NO_DEFAULT_VALUE,
              check(ConnectorConfig::checkClass),
              Importance.HIGH,
              "The class of the connector: " + String.join(" or ", CONNECTOR_CLASSES) + ".")
          .define(
              TASKS_MAX,
              ConfigDef.Type.INT,
              1,
              check(ConnectorConfig::checkTasks),
              Importance.HIGH,
              "How many tasks share the vBuckets, 1 to 1024.")
          .define(
              TOPIC,
              ConfigDef.Type.STRING,
              "",
              Importance.HIGH,
              "What the topic's name has before the bucket's name. May be empty.")
          .define(
              SCHEMA_NAME,
              ConfigDef.Type.STRING,
              "CouchbaseDocument",
              check(ConnectorConfig::checkSchemaName),
              Importance.MEDIUM,
              "The full name of the record schema.")
          .define(
              NODES,
              ConfigDef.Type.STRING,
              ConfigDef.NO_DEFAULT_VALUE,
              check((key, value) -> NodeAddresses.parse(key, (String) value)),
              Importance.HIGH,
              "Couchbase nodes, host or host:port, separated by commas or semicolons.")
          .define(
              BUCKET,
              ConfigDef.Type.STRING,
              null,
              check(ConnectorConfig::checkBucket),
              Importance.HIGH,
              "The bucket to stream.")
          .define(
              BUCKETS,
              ConfigDef.Type.STRING,
              null,
              check(ConnectorConfig::checkBuckets),
              Importance.HIGH,
              "The buckets to stream, separated by commas or semicolons.")
          .define(
              USERNAME,
              ConfigDef.Type.STRING,
              null,
              Importance.HIGH,
              "The user. Without one, each bucket's own name with an empty password, as servers"
                  + " before 5.0 had it.")
          .define(
              PASSWORD, ConfigDef.Type.PASSWORD, null, Importance.HIGH, "The password of the user.")
          .define(
              DRAIN_RATE,
              ConfigDef.Type.INT,
              0,
              check(ConnectorConfig::checkDrainRate),
              Importance.MEDIUM,
              "How many documents a second the connector takes from Couchbase, all its tasks"
                  + " together. 0 is no limit.")
          .define(
              TOLERANCE,
              ConfigDef.Type.STRING,
              "none",
              ConfigDef.ValidString.in("none", "all"),
              Importance.MEDIUM,
              "What becomes of a document that can't be made a record, or that Kafka refuses: none"
                  + " fails the task, which names it; all sends it to the dead-letter topic, or"
                  + " leaves it out if there is none.")
          .define(
              DEAD_LETTER_TOPIC,
              ConfigDef.Type.STRING,
              "",
              check(ConnectorConfig::checkDeadLetterTopic),
              Importance.MEDIUM,
              "The dead-letter topic; made if it isn't there.")
          .define(
              DEAD_LETTER_REPLICATION,
              ConfigDef.Type.SHORT,
              (short) -1,
              Importance.MEDIUM,
              "How many replicas that topic gets when it is made; -1 is the broker's default.")
          .define(
              DEAD_LETTER_REASONS,
              ConfigDef.Type.BOOLEAN,
              true,
              Importance.MEDIUM,
              "Whether headers of a dead letter tell why it is one.")
          .define(
              HEADERS,
              ConfigDef.Type.LIST,
              List.of(),
              check(ConnectorConfig::checkHeaders),
              Importance.MEDIUM,
              "What the headers of each record tell of its change: any of "
                  + Arrays.stream(RecordHeader.values())
                      .map(RecordHeader::label)
                      .collect(Collectors.joining(", "))
                  + ".")
          .define(
              HEADER_PREFIX,
              ConfigDef.Type.STRING,
              RecordHeaders.DEFAULT_PREFIX,
              Importance.LOW,
              "What the names of those headers begin with.")
          .define(
              GUARANTEE,
              ConfigDef.Type.STRING,
              AT_LEAST_ONCE,
              ConfigDef.ValidString.in(AT_LEAST_ONCE, EXACTLY_ONCE),
              Importance.HIGH,
              "What holds when a worker dies: at_least_once sends again what was not committed;"
                  + " exactly_once writes records and offsets in one transaction, so that consumers"
                  + " with isolation.level=read_committed see each change once.")
          .define(
              TRANSACTION_INTERVAL,
              ConfigDef.Type.LONG,
              1_000L,
              check(ConnectorConfig::checkTransactionInterval),
              Importance.MEDIUM,
              "With exactly_once, after how many milliseconds a transaction is committed, 1 to "
                  + MAX_TRANSACTION_INTERVAL
                  + ": so much later are records seen, and the fewer commits there are.")
          .define(
              PERSISTENCE_POLLING_INTERVAL,
              ConfigDef.Type.STRING,
              "100ms",
              check(ConnectorConfig::checkPollingInterval),
              Importance.MEDIUM,
              "How often to ask whether changes are persisted on all nodes that keep them, as 100ms"
                  + " or 2s; they are not published before. 0 publishes them as they come.")
          .define(
              ROLLBACK_POLICY,
              ConfigDef.Type.STRING,
              "resume",
              ConfigDef.ValidString.in("resume", "fail"),
              Importance.MEDIUM,
              "What to do when Couchbase has lost changes that were published already: resume from"
                  + " the last one that is still there, or fail the task.")
          .define(
              OPERATIONS_TOPIC,
              ConfigDef.Type.STRING,
              null,
              check(ConnectorConfig::checkOperationsTopic),
              Importance.LOW,
              "The topic that a record of each rollback goes to. Without it, rollbacks are logged"
                  + " only.")
          .define(
              BUFFER_SIZE,
              ConfigDef.Type.INT,
              DEFAULT_BUFFER_SIZE,
              check(ConnectorConfig::checkBufferSize),
              Importance.MEDIUM,
              "How many bytes a node may send ahead on a DCP connection. 0 leaves it to the"
                  + " worker.");

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

  /**
   * Checks all properties of a connector at once.
   *
   * @throws InvalidConnectorConfigException naming everything that is wrong
   */
  public static ConnectorConfig parse(Map<String, String> properties) {
    List<String> errors = new ArrayList<>();
    Map<String, @Nullable Object> found = new HashMap<>();
    for (ConfigValue value : DEFINITION.validate(properties)) {
      errors.addAll(value.errorMessages());
      found.put(value.name(), value.value());
    }
    List<String> buckets = chooseBuckets(found, errors);
    checkTopics(requireNonNullElse((String) found.get(TOPIC), ""), buckets, errors);
    checkCredentials(found, errors);
    if (!errors.isEmpty()) {
      throw new InvalidConnectorConfigException(errors);
    }
    AbstractConfig values = new AbstractConfig(DEFINITION, properties, false);
    NodeAddresses nodes = NodeAddresses.parse(NODES, values.getString(NODES));
    return new ConnectorConfig(
        Collections.unmodifiableMap(new LinkedHashMap<>(properties)), values, nodes, buckets);
  }

  private static ConfigDef.Validator check(ConfigDef.Validator validator) {
    // A missing value, and one of the wrong type, is null here and was reported before.
    return (key, value) -> {
      if (value != null) {
        validator.ensureValid(key, value);
      }
    };
  }

  private static void checkClass(String key, Object value) {
    if (!CONNECTOR_CLASSES.contains((String) value)) {
      throw new ConfigException(
          key,
          value,
          "This worker runs "
              + String.join(" (or, the same, ", CONNECTOR_CLASSES)
              + ") and no other class");
    }
  }

  private static void checkTasks(String key, Object value) {
    int tasks = (int) value;
    if (tasks < 1 || tasks > MAX_TASKS) {
      throw new ConfigException(
          key, value, "Value must be at least 1, and at most " + MAX_TASKS + ", a task a vBucket");
    }
  }

  private static void checkSchemaName(String key, Object value) {
    if (!FULL_NAME.matcher((String) value).matches()) {
      throw new ConfigException(
          key,
          value,
          "A schema name is one or more names separated by dots, each of letters, digits and"
              + " underscores, not beginning with a digit");
    }
  }

  private static void checkBucket(String key, Object value) {
    if (!BUCKET_NAME.matcher((String) value).matches()) {
      throw new ConfigException(
          key,
          value,
          "A bucket's name has 1 to 100 letters, digits or any of _ . - %; give several buckets as "
              + BUCKETS);
    }
  }

  private static void checkBuckets(String key, Object value) {
    List<String> buckets = split((String) value);
    if (buckets.isEmpty()) {
      throw new ConfigException(key, value, "Give at least one bucket");
    }
    Set<String> seen = new LinkedHashSet<>();
    for (String bucket : buckets) {
      if (!BUCKET_NAME.matcher(bucket).matches()) {
        throw new ConfigException(
            key,
            value,
            "\""
                + bucket
                + "\" is no bucket: a name has 1 to 100 letters, digits or any of _ . - %");
      }
      if (!seen.add(bucket)) {
        throw new ConfigException(key, value, "Bucket \"" + bucket + "\" is there twice");
      }
    }
  }

  private static void checkDrainRate(String key, Object value) {
    int rate = (int) value;
    if (rate < 0 || rate > MAX_DRAIN_RATE) {
      throw new ConfigException(
          key,
          value,
          "Value must be 0 for no limit, or 1 to " + MAX_DRAIN_RATE + " documents a second");
    }
  }

  private static void checkDeadLetterTopic(String key, Object value) {
    if (!((String) value).isEmpty() && !isTopicName((String) value)) {
      throw new ConfigException(
          key, value, "A Kafka topic has 1 to 249 letters, digits or any of . _ -");
    }
  }

  private static void checkHeaders(String key, Object value) {
    try {
      headers(value);
    } catch (IllegalArgumentException e) {
      throw new ConfigException(key, value, e.getMessage());
    }
  }

  @SuppressWarnings("unchecked") // what ConfigDef makes of a LIST
  private static List<RecordHeader> headers(Object value) {
    return ((List<String>) value).stream().map(RecordHeader::ofLabel).distinct().toList();
  }

  private static void checkTransactionInterval(String key, Object value) {
    long millis = (long) value;
    if (millis < 1 || millis > MAX_TRANSACTION_INTERVAL) {
      throw new ConfigException(
          key,
          value,
          "Value must be 1 to "
              + MAX_TRANSACTION_INTERVAL
              + " milliseconds: Kafka aborts transactions that last longer than 15 s");
    }
  }

  private static void checkPollingInterval(String key, Object value) {
    Matcher matcher = DURATION.matcher((String) value);
    if (!matcher.matches() || duration(matcher).compareTo(MAX_POLLING_INTERVAL) > 0) {
      throw new ConfigException(
          key, value, "Value must be 0, or a time of up to one minute such as 100ms or 2s");
    }
  }

  private static void checkOperationsTopic(String key, Object value) {
    if (!isTopicName((String) value)) {
      throw new ConfigException(
          key, value, "A Kafka topic has 1 to 249 letters, digits or any of . _ -");
    }
  }

  private static void checkBufferSize(String key, Object value) {
    int bytes = (int) value;
    if (bytes != 0 && bytes < MIN_BUFFER_SIZE) {
      throw new ConfigException(
          key,
          value,
          "Value must be 0, which leaves the size to the worker, or at least "
              + MIN_BUFFER_SIZE
              + " bytes: with less, the server waits for an acknowledgement after every few"
              + " documents");
    }
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
    List<String> buckets = split(several);
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
      if (BUCKET_NAME.matcher(bucket).matches() && !isTopicName(topic)) {
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

  private static boolean isTopicName(String name) {
    return TOPIC_NAME.matcher(name).matches() && !name.equals(".") && !name.equals("..");
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

  private static List<String> split(String list) {
    return Arrays.stream(list.split("[,;]"))
        .map(String::trim)
        .filter(name -> !name.isEmpty())
        .toList();
  }

  /** Names the properties that mean nothing here in one warning, without their values. */
  public void warnOfUnknownProperties() {
    Set<String> unknown = new TreeSet<>(properties.keySet());
    unknown.removeAll(DEFINITION.names());
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
    return new RecordHeaders(values.getString(HEADER_PREFIX), headers(values.getList(HEADERS)));
  }

  /** Whether records and offsets are written in one transaction. */
  public boolean isExactlyOnce() {
    return values.getString(GUARANTEE).equals(EXACTLY_ONCE);
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
    Matcher matcher = DURATION.matcher(values.getString(PERSISTENCE_POLLING_INTERVAL));
    return matcher.matches() ? duration(matcher) : Duration.ZERO;
  }

  private static Duration duration(Matcher matcher) {
    if (matcher.group("unit") == null) {
      return Duration.ZERO;
    }
    long amount = Long.parseLong(matcher.group("amount"));
    return switch (matcher.group("unit")) {
      case "ms" -> Duration.ofMillis(amount);
      case "s" -> Duration.ofSeconds(amount);
      default -> Duration.ofMinutes(amount);
    };
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
