// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;

import dev.caravan.component.CouchbaseDcpConfiguration;
import dev.caravan.component.Credentials;
import dev.caravan.record.DeadLetterQueue;
import dev.caravan.record.RecordHeaders;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigValue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The configuration of a connector, valid and typed. Immutable.
 *
 * <p>{@link ConnectorOptions} has all keys. Unknown keys are accepted, as Kafka Connect does, and
 * their names are logged.
 */
public final class ConnectorConfig {
  /** The key of the connector's name. */
  public static final String NAME = ConnectorOptions.NAME.key();

  /** The key of the connector's class. */
  public static final String CONNECTOR_CLASS = ConnectorOptions.CONNECTOR_CLASS.key();

  /** Kafka's internal topics, those of later versions included. */
  private static final Set<String> KAFKA_TOPICS =
      Set.of(
          "__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata");

  private static final Logger LOG = LoggerFactory.getLogger(ConnectorConfig.class);

  private final Map<String, String> properties;
  private final Map<String, @Nullable Object> values;
  private final List<String> buckets;

  private ConnectorConfig(
      Map<String, String> properties, Map<String, @Nullable Object> values, List<String> buckets) {
    this.properties = Collections.unmodifiableMap(new LinkedHashMap<>(properties));
    this.values = values;
    this.buckets = buckets;
  }

  /** Returns whether Caravan runs connectors of this {@link #CONNECTOR_CLASS}. */
  public static boolean isConnectorClass(String name) {
    return OptionValidators.CONNECTOR_CLASSES.contains(name);
  }

  /**
   * Checks all properties of a connector.
   *
   * @throws InvalidConnectorConfigException with an error for each invalid or missing property
   */
  public static ConnectorConfig parse(Map<String, String> properties) {
    List<String> errors = new ArrayList<>();
    Map<String, @Nullable Object> found = new HashMap<>();
    for (ConfigValue value : ConnectorOptions.DEFINITION.validate(properties)) {
      errors.addAll(value.errorMessages());
      found.put(value.name(), value.value());
    }
    List<String> buckets = chooseBuckets(found, errors);
    checkTopics(
        requireNonNullElse((String) found.get(ConnectorOptions.TOPIC.key()), ""), buckets, errors);
    checkCredentials(found, errors);
    if (!errors.isEmpty()) {
      throw new InvalidConnectorConfigException(errors);
    }
    // Not an AbstractConfig, which would load any config provider that a client of the REST API
    // names, and read files with it.
    return new ConnectorConfig(properties, ConnectorOptions.DEFINITION.parse(properties), buckets);
  }

  private static List<String> chooseBuckets(
      Map<String, @Nullable Object> values, List<String> errors) {
    String bucketKey = ConnectorOptions.BUCKET.key();
    String bucketsKey = ConnectorOptions.BUCKETS.key();
    String one = (String) values.get(bucketKey);
    String several = (String) values.get(bucketsKey);
    if (one == null && several == null) {
      boolean reported =
          errors.stream()
              .anyMatch(e -> e.contains(" " + bucketKey + ":") || e.contains(bucketsKey));
      if (!reported) {
        errors.add(
            "Missing required configuration \""
                + bucketKey
                + "\" which has no default value. (Several buckets are given as \""
                + bucketsKey
                + "\".)");
      }
      return List.of();
    }
    if (several == null) {
      return List.of(one);
    }
    List<String> buckets = ConnectorOptions.BUCKETS.typed(several);
    if (one != null && !buckets.equals(List.of(one))) {
      errors.add(
          "Invalid value "
              + one
              + " for configuration "
              + bucketKey
              + ": "
              + bucketsKey
              + " says something else, "
              + several
              + "; give one of the two");
    }
    return buckets;
  }

  private static void checkTopics(String prefix, List<String> buckets, List<String> errors) {
    for (String bucket : buckets) {
      String topic = prefix + bucket;
      if (OptionValidators.isBucketName(bucket) && !OptionValidators.isTopicName(topic)) {
        errors.add(
            "Invalid value "
                + prefix
                + " for configuration "
                + ConnectorOptions.TOPIC.key()
                + ": the topic of bucket \""
                + bucket
                + "\" would be \""
                + topic
                + "\", and a Kafka topic has 1 to 249 letters, digits or any of . _ -");
      }
    }
  }

  private static void checkCredentials(Map<String, @Nullable Object> values, List<String> errors) {
    String username = ConnectorOptions.USERNAME.key();
    String password = ConnectorOptions.PASSWORD.key();
    boolean hasUsername = values.get(username) != null;
    boolean hasPassword = values.get(password) != null;
    if (hasUsername != hasPassword) {
      errors.add(
          "Missing required configuration \""
              + (hasUsername ? password : username)
              + "\", which \""
              + (hasUsername ? username : password)
              + "\" can't do without.");
    }
  }

  /** Logs the names of unknown properties, without their values, in one warning. */
  public void warnOfUnknownProperties() {
    Set<String> unknown = new TreeSet<>(properties.keySet());
    unknown.removeAll(ConnectorOptions.DEFINITION.names());
    if (!unknown.isEmpty()) {
      LOG.warn("Connector {}: unknown properties are ignored: {}", name(), unknown);
    }
  }

  /**
   * Returns the properties as they were submitted. They include secrets and must not be logged. The
   * map can't be modified.
   */
  public Map<String, String> properties() {
    return properties;
  }

  /** Returns the name of the connector. */
  public String name() {
    return get(ConnectorOptions.NAME);
  }

  /** Returns the value of an option that is required or has a default. */
  <T> T get(ConnectorOption<T> option) {
    return option.typed(requireNonNull(values.get(option.key()), option.key()));
  }

  /** Returns the value of an option, or empty if it is not set and has no default. */
  <T> Optional<T> find(ConnectorOption<T> option) {
    return Optional.ofNullable(values.get(option.key())).map(option::typed);
  }

  /** Returns a new configuration with the options of an endpoint that all tasks share. */
  CouchbaseDcpConfiguration endpointConfiguration() {
    CouchbaseDcpConfiguration configuration = new CouchbaseDcpConfiguration();
    ConnectorOptions.ALL.forEach(option -> apply(option, configuration));
    configuration.setRollbackEvents(find(ConnectorOptions.OPERATIONS_TOPIC).isPresent());
    credentials().ifPresent(configuration::setCredentials);
    return configuration;
  }

  private <T> void apply(ConnectorOption<T> option, CouchbaseDcpConfiguration configuration) {
    ConnectorOption.EndpointOption<T> endpoint = option.endpoint();
    if (endpoint != null) {
      endpoint.setter().accept(configuration, get(option));
    }
  }

  /** Returns the buckets to stream: at least one, without duplicates. */
  List<String> buckets() {
    return buckets;
  }

  /** Returns the topic of a bucket: the prefix followed by the bucket's name. */
  String topic(String bucket) {
    return get(ConnectorOptions.TOPIC) + bucket;
  }

  /** Returns the topics that this connector writes to, by the key that names them. */
  Map<String, List<String>> topics() {
    Map<String, List<String>> topics = new LinkedHashMap<>();
    topics.put(ConnectorOptions.TOPIC.key(), buckets.stream().map(this::topic).toList());
    topics.put(
        ConnectorOptions.DEAD_LETTER_QUEUE_TOPIC.key(),
        Stream.of(get(ConnectorOptions.DEAD_LETTER_QUEUE_TOPIC))
            .filter(topic -> !topic.isEmpty())
            .toList());
    topics.put(
        ConnectorOptions.OPERATIONS_TOPIC.key(),
        find(ConnectorOptions.OPERATIONS_TOPIC).stream().toList());
    return topics;
  }

  /**
   * Refuses internal topics: a document whose id is the key of an internal record would replace
   * that record.
   *
   * @param workerTopics the worker's topics; Kafka's internal topics are always refused
   * @throws InvalidConnectorConfigException with an error for each key that names such a topic
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

  /** Returns the user and the password; empty for each bucket's name with an empty password. */
  Optional<Credentials> credentials() {
    return find(ConnectorOptions.USERNAME)
        .map(name -> Credentials.of(name, get(ConnectorOptions.PASSWORD).value()));
  }

  /** Returns the maximum of documents per second for all tasks together; 0 means no limit. */
  int drainRate() {
    return get(ConnectorOptions.DRAIN_RATE);
  }

  /** Returns the dead letter queue of a task; empty if refused documents fail the task. */
  Optional<DeadLetterQueue> deadLetterQueue(int task) {
    return get(ConnectorOptions.TOLERANCE).equals("none")
        ? Optional.empty()
        : Optional.of(
            new DeadLetterQueue(
                get(ConnectorOptions.DEAD_LETTER_QUEUE_TOPIC),
                name(),
                task,
                get(ConnectorOptions.DEAD_LETTER_QUEUE_HEADERS)));
  }

  /** Returns the topic of the dead letter queue; empty if the connector does not use one. */
  public Optional<String> deadLetterTopic() {
    return deadLetterQueue(0).map(DeadLetterQueue::topic).filter(topic -> !topic.isEmpty());
  }

  /**
   * Returns the replication factor with which the topic of the dead letter queue is created; empty
   * for the broker's default.
   */
  public Optional<Short> deadLetterReplication() {
    return Optional.of(get(ConnectorOptions.DEAD_LETTER_QUEUE_REPLICATION)).filter(n -> n != -1);
  }

  /** Returns the headers of each record. */
  RecordHeaders headers() {
    return new RecordHeaders(get(ConnectorOptions.HEADER_PREFIX), get(ConnectorOptions.HEADERS));
  }

  /** Returns whether records and offsets are written in one transaction. */
  public boolean isExactlyOnce() {
    return get(ConnectorOptions.GUARANTEE) == DeliveryGuarantee.EXACTLY_ONCE;
  }

  /**
   * Returns whether a task of this configuration ignores the offsets that earlier configurations of
   * the connector have saved. Offsets that were saved under this configuration always count.
   */
  public boolean ignoresEarlierOffsets() {
    return get(ConnectorOptions.STREAM_FROM).ignoresEarlierOffsets();
  }

  /** Returns when a failed task is restarted. */
  public RestartPolicy restartPolicy() {
    return new RestartPolicy(
        get(ConnectorOptions.MAX_RETRIES),
        get(ConnectorOptions.RETRY_DELAY),
        get(ConnectorOptions.MAX_RETRY_DELAY));
  }

  /** Returns the name only: the properties may include secrets. */
  @Override
  public String toString() {
    return "ConnectorConfig[" + name() + "]";
  }
}
