// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import dev.caravan.record.RecordHeader;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.ConfigException;

/**
 * The validators of {@link ConnectorOptions}, with the parsers that they need. A validator gets a
 * parsed value of the option's type, never null, and throws {@link ConfigException} with a message
 * in the form of Kafka Connect's.
 */
final class OptionValidators {
  /** The class that the original documentation names, and Caravan's own name for it. */
  static final List<String> CONNECTOR_CLASSES =
      List.of(
          "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector",
          "dev.caravan.CouchbaseSourceConnector");

  /** The number of vBuckets of a bucket: a task without a vBucket would have no work. */
  static final int MAX_TASKS = 1024;

  /** More documents per second than a connector can read. */
  static final int MAX_DRAIN_RATE = 5_000_000;

  /** In milliseconds. */
  static final long MAX_TRANSACTION_INTERVAL = 10_000;

  static final int MIN_BUFFER_SIZE = 64 * 1024;

  /**
   * The flow control window in bytes if the connector leaves it to the worker. A connection gets
   * less if the worker's memory budget requires it.
   */
  static final int MAX_DEFAULT_BUFFER_SIZE = 64 * 1024 * 1024;

  /** Couchbase's rule for the name of a bucket. */
  private static final Pattern BUCKET_NAME = Pattern.compile("[A-Za-z0-9_.%-]{1,100}");

  /** Kafka's rule for the name of a topic, except that "." and ".." are not allowed. */
  private static final Pattern TOPIC_NAME = Pattern.compile("[A-Za-z0-9._-]{1,249}");

  /** A duration as the official connector writes it. */
  private static final Pattern DURATION = Pattern.compile("0|(?<amount>[0-9]{1,6})(?<unit>ms|s|m)");

  private static final Duration MAX_POLLING_INTERVAL = Duration.ofMinutes(1);
  private static final Duration MAX_STALL_TIMEOUT = Duration.ofDays(1);

  /** A name of Avro. A full name is one or more names separated by dots. */
  private static final Pattern AVRO_NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  private OptionValidators() {}

  static void checkClass(String key, Object value) {
    if (!CONNECTOR_CLASSES.contains((String) value)) {
      throw new ConfigException(
          key,
          value,
          "This worker runs "
              + String.join(" (or, the same, ", CONNECTOR_CLASSES)
              + ") and no other class");
    }
  }

  static void checkTasks(String key, Object value) {
    int tasks = (int) value;
    if (tasks < 1 || tasks > MAX_TASKS) {
      throw new ConfigException(
          key, value, "Value must be at least 1, and at most " + MAX_TASKS + ", a task a vBucket");
    }
  }

  static void checkName(String key, Object value) {
    // One pattern for the whole name would take stack for each dot.
    if (!Arrays.stream(((String) value).split("\\.", -1))
        .allMatch(name -> AVRO_NAME.matcher(name).matches())) {
      throw new ConfigException(
          key,
          value,
          "A schema name is one or more names separated by dots, each of letters, digits and"
              + " underscores, not beginning with a digit");
    }
  }

  static void checkBucket(String key, Object value) {
    if (!isBucketName((String) value)) {
      throw new ConfigException(
          key,
          value,
          "A bucket's name has 1 to 100 letters, digits or any of _ . - %; give several buckets as"
              + " couchbase.buckets");
    }
  }

  static void checkBuckets(String key, Object value) {
    List<String> buckets = split((String) value);
    if (buckets.isEmpty()) {
      throw new ConfigException(key, value, "Give at least one bucket");
    }
    Set<String> seen = new HashSet<>();
    for (String bucket : buckets) {
      if (!isBucketName(bucket)) {
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

  static void checkDrainRate(String key, Object value) {
    int rate = (int) value;
    if (rate < 0 || rate > MAX_DRAIN_RATE) {
      throw new ConfigException(
          key,
          value,
          "Value must be 0 for no limit, or 1 to " + MAX_DRAIN_RATE + " documents a second");
    }
  }

  static void checkTopicOrEmpty(String key, Object value) {
    if (!((String) value).isEmpty()) {
      checkTopic(key, value);
    }
  }

  static void checkReplication(String key, Object value) {
    if ((short) value < 1 && (short) value != -1) {
      throw new ConfigException(
          key, value, "Value must be at least 1, or -1 for the broker's default");
    }
  }

  @SuppressWarnings("unchecked") // Kafka parses a LIST to a List<String>
  static void checkHeaders(String key, Object value) {
    try {
      headers((List<String>) value);
    } catch (IllegalArgumentException e) {
      throw new ConfigException(key, value, e.getMessage());
    }
  }

  /** Parses the names of headers and removes repeated ones. */
  static List<RecordHeader> headers(List<String> labels) {
    return labels.stream().map(RecordHeader::ofLabel).distinct().toList();
  }

  static void checkTransactionInterval(String key, Object value) {
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

  static void checkPollingInterval(String key, Object value) {
    Matcher matcher = DURATION.matcher((String) value);
    if (!matcher.matches() || duration(matcher).compareTo(MAX_POLLING_INTERVAL) > 0) {
      throw new ConfigException(
          key, value, "Value must be 0, or a time of up to one minute such as 100ms or 2s");
    }
  }

  static void checkStallTimeout(String key, Object value) {
    Matcher matcher = DURATION.matcher((String) value);
    if (!matcher.matches() || duration(matcher).compareTo(MAX_STALL_TIMEOUT) > 0) {
      throw new ConfigException(
          key, value, "Value must be 0 for never, or a time of up to one day such as 60s or 5m");
    }
  }

  static void checkTopic(String key, Object value) {
    if (!isTopicName((String) value)) {
      throw new ConfigException(
          key, value, "A Kafka topic has 1 to 249 letters, digits or any of . _ -");
    }
  }

  static void checkBufferSize(String key, Object value) {
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

  /** Returns whether Couchbase allows a bucket of this name. */
  static boolean isBucketName(String name) {
    return BUCKET_NAME.matcher(name).matches();
  }

  /** Returns whether Kafka allows a topic of this name. */
  static boolean isTopicName(String name) {
    return TOPIC_NAME.matcher(name).matches() && !name.equals(".") && !name.equals("..");
  }

  /** Splits a list at commas and semicolons. Blank entries are dropped. */
  static List<String> split(String list) {
    return Arrays.stream(list.split("[,;]"))
        .map(String::trim)
        .filter(name -> !name.isEmpty())
        .toList();
  }

  /** Parses a valid duration. */
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
