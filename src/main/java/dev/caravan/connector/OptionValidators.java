// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static dev.caravan.connector.ConnectorConfig.BUCKET;
import static dev.caravan.connector.ConnectorConfig.BUCKETS;
import static dev.caravan.connector.ConnectorConfig.BUFFER_SIZE;
import static dev.caravan.connector.ConnectorConfig.CONNECTOR_CLASS;
import static dev.caravan.connector.ConnectorConfig.DEAD_LETTER_REASONS;
import static dev.caravan.connector.ConnectorConfig.DEAD_LETTER_REPLICATION;
import static dev.caravan.connector.ConnectorConfig.DEAD_LETTER_TOPIC;
import static dev.caravan.connector.ConnectorConfig.DRAIN_RATE;
import static dev.caravan.connector.ConnectorConfig.GUARANTEE;
import static dev.caravan.connector.ConnectorConfig.HEADERS;
import static dev.caravan.connector.ConnectorConfig.HEADER_PREFIX;
import static dev.caravan.connector.ConnectorConfig.MAX_RETRIES;
import static dev.caravan.connector.ConnectorConfig.MAX_RETRY_DELAY;
import static dev.caravan.connector.ConnectorConfig.NAME;
import static dev.caravan.connector.ConnectorConfig.NODES;
import static dev.caravan.connector.ConnectorConfig.OPERATIONS_TOPIC;
import static dev.caravan.connector.ConnectorConfig.PASSWORD;
import static dev.caravan.connector.ConnectorConfig.PERSISTENCE_POLLING_INTERVAL;
import static dev.caravan.connector.ConnectorConfig.PURGED_TOMBSTONES;
import static dev.caravan.connector.ConnectorConfig.RETRY_DELAY;
import static dev.caravan.connector.ConnectorConfig.ROLLBACK_POLICY;
import static dev.caravan.connector.ConnectorConfig.SCHEMA_NAME;
import static dev.caravan.connector.ConnectorConfig.STALL_TIMEOUT;
import static dev.caravan.connector.ConnectorConfig.STREAM_FROM;
import static dev.caravan.connector.ConnectorConfig.TASKS_MAX;
import static dev.caravan.connector.ConnectorConfig.TOLERANCE;
import static dev.caravan.connector.ConnectorConfig.TOPIC;
import static dev.caravan.connector.ConnectorConfig.TRANSACTION_INTERVAL;
import static dev.caravan.connector.ConnectorConfig.USERNAME;

import dev.caravan.record.RecordHeader;
import dev.caravan.record.RecordHeaders;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigException;

/**
 * What each key of a connector's configuration may be, one by one; what they may be together is for
 * {@link ConnectorConfig}. Declared with Kafka's {@link ConfigDef}, so that messages are Kafka
 * Connect's own.
 */
final class ConnectorConfigDef {
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

  /** Couchbase's rule for the name of a bucket. */
  static final Pattern BUCKET_NAME = Pattern.compile("[A-Za-z0-9_.%-]{1,100}");

  /** Kafka's rule for the name of a topic, but for "." and "..". */
  private static final Pattern TOPIC_NAME = Pattern.compile("[A-Za-z0-9._-]{1,249}");

  /** A duration as the official connector writes it. */
  private static final Pattern DURATION = Pattern.compile("0|(?<amount>[0-9]{1,6})(?<unit>ms|s|m)");

  private static final Duration MAX_POLLING_INTERVAL = Duration.ofMinutes(1);
  private static final int MAX_RETRY_DELAY_MILLIS = 24 * 60 * 60 * 1000;

  private static final Duration MAX_STALL_TIMEOUT = Duration.ofDays(1);

  /**
   * The official connector's names of where to start, and the component's. The last two differ from
   * the first in which offsets a task gets to see.
   */
  static final Map<String, String> STREAM_FROM_OPTIONS =
      Map.of(
          "SAVED_OFFSET_OR_BEGINNING",
          "saved-or-beginning",
          "SAVED_OFFSET_OR_NOW",
          "saved-or-now",
          "BEGINNING",
          "saved-or-beginning",
          "NOW",
          "saved-or-now");

  /** A name of Avro; a full name is names separated by dots. */
  private static final Pattern AVRO_NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  static final ConfigDef DEFINITION =
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
              check(ConnectorConfigDef::checkClass),
              Importance.HIGH,
              "The class of the connector: " + String.join(" or ", CONNECTOR_CLASSES) + ".")
          .define(
              TASKS_MAX,
              ConfigDef.Type.INT,
              1,
              check(ConnectorConfigDef::checkTasks),
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
              check(ConnectorConfigDef::checkSchemaName),
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
              check(ConnectorConfigDef::checkBucket),
              Importance.HIGH,
              "The bucket to stream.")
          .define(
              BUCKETS,
              ConfigDef.Type.STRING,
              null,
              check(ConnectorConfigDef::checkBuckets),
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
              check(ConnectorConfigDef::checkDrainRate),
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
              check(ConnectorConfigDef::checkDeadLetterTopic),
              Importance.MEDIUM,
              "The dead-letter topic; made if it isn't there.")
          .define(
              DEAD_LETTER_REPLICATION,
              ConfigDef.Type.SHORT,
              (short) -1,
              check(ConnectorConfigDef::checkReplication),
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
              check(ConnectorConfigDef::checkHeaders),
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
              check(ConnectorConfigDef::checkTransactionInterval),
              Importance.MEDIUM,
              "With exactly_once, after how many milliseconds a transaction is committed, 1 to "
                  + MAX_TRANSACTION_INTERVAL
                  + ": so much later are records seen, and the fewer commits there are.")
          .define(
              PERSISTENCE_POLLING_INTERVAL,
              ConfigDef.Type.STRING,
              "100ms",
              check(ConnectorConfigDef::checkPollingInterval),
              Importance.MEDIUM,
              "How often to ask whether changes are persisted on all nodes that keep them, as 100ms"
                  + " or 2s; they are not published before. 0 publishes them as they come.")
          .define(
              STREAM_FROM,
              ConfigDef.Type.STRING,
              "SAVED_OFFSET_OR_BEGINNING",
              ConfigDef.ValidString.in(STREAM_FROM_OPTIONS.keySet().toArray(String[]::new)),
              Importance.MEDIUM,
              "Where the connector starts to read, by the names that Couchbase's own connector has:"
                  + " BEGINNING and NOW forget the offsets of earlier configurations, once per"
                  + " submitted configuration; after that, tasks go on where they were.")
          .define(
              PURGED_TOMBSTONES,
              ConfigDef.Type.STRING,
              "strict",
              ConfigDef.ValidString.in("strict", "lenient"),
              Importance.MEDIUM,
              "What to do when Couchbase has purged deletions that were not read yet: strict reads"
                  + " the vBucket from its beginning, lenient goes on without them.")
          .define(
              STALL_TIMEOUT,
              ConfigDef.Type.STRING,
              "60s",
              check(ConnectorConfigDef::checkStallTimeout),
              Importance.LOW,
              "After how long a vBucket that has changed and sends nothing is opened again, as 60s"
                  + " or 5m; 0 for never.")
          .define(
              MAX_RETRIES,
              ConfigDef.Type.INT,
              10,
              ConfigDef.Range.atLeast(-1),
              Importance.MEDIUM,
              "How often in a row a task that has failed is started again; 0 for never, -1 for"
                  + " ever.")
          .define(
              RETRY_DELAY,
              ConfigDef.Type.INT,
              1000,
              ConfigDef.Range.between(1, MAX_RETRY_DELAY_MILLIS),
              Importance.LOW,
              "Milliseconds before the first of these times; they double from one to the next.")
          .define(
              MAX_RETRY_DELAY,
              ConfigDef.Type.INT,
              60_000,
              ConfigDef.Range.between(1, MAX_RETRY_DELAY_MILLIS),
              Importance.LOW,
              "Milliseconds beyond which they don't grow.")
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
              check(ConnectorConfigDef::checkOperationsTopic),
              Importance.LOW,
              "The topic that a record of each rollback goes to. Without it, rollbacks are logged"
                  + " only.")
          .define(
              BUFFER_SIZE,
              ConfigDef.Type.INT,
              DEFAULT_BUFFER_SIZE,
              check(ConnectorConfigDef::checkBufferSize),
              Importance.MEDIUM,
              "How many bytes a node may send ahead on a DCP connection. 0 leaves it to the"
                  + " worker.");

  private ConnectorConfigDef() {}

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
    // A pattern of the whole would take stack for each dot.
    if (!Arrays.stream(((String) value).split("\\.", -1))
        .allMatch(name -> AVRO_NAME.matcher(name).matches())) {
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

  private static void checkReplication(String key, Object value) {
    if ((short) value < 1 && (short) value != -1) {
      throw new ConfigException(
          key, value, "Value must be at least 1, or -1 for the broker's default");
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
  static List<RecordHeader> headers(Object value) {
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

  private static void checkStallTimeout(String key, Object value) {
    Matcher matcher = DURATION.matcher((String) value);
    if (!matcher.matches() || duration(matcher).compareTo(MAX_STALL_TIMEOUT) > 0) {
      throw new ConfigException(
          key, value, "Value must be 0 for never, or a time of up to one day such as 60s or 5m");
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

  static boolean isTopicName(String name) {
    return TOPIC_NAME.matcher(name).matches() && !name.equals(".") && !name.equals("..");
  }

  static List<String> split(String list) {
    return Arrays.stream(list.split("[,;]"))
        .map(String::trim)
        .filter(name -> !name.isEmpty())
        .toList();
  }

  /** What a value that was checked stands for. */
  static Duration duration(String checked) {
    Matcher matcher = DURATION.matcher(checked);
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
}
