// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static dev.caravan.connector.ConnectorOption.bool;
import static dev.caravan.connector.ConnectorOption.integer;
import static dev.caravan.connector.ConnectorOption.list;
import static dev.caravan.connector.ConnectorOption.longInteger;
import static dev.caravan.connector.ConnectorOption.password;
import static dev.caravan.connector.ConnectorOption.shortInteger;
import static dev.caravan.connector.ConnectorOption.string;

import dev.caravan.component.CouchbaseDcpConfiguration;
import dev.caravan.connector.ConnectorOption.Group;
import dev.caravan.record.RecordHeader;
import dev.caravan.record.RecordHeaders;
import dev.caravan.stream.settings.PurgedTombstones;
import dev.caravan.stream.settings.RollbackPolicy;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.types.Password;

/**
 * The table of all keys of a connector's configuration. Kafka's {@link ConfigDef}, the typed {@link
 * ConnectorConfig}, the parameters of the task's route and {@code docs/connector-reference.md} are
 * derived from it. It checks each key on its own; {@link ConnectorConfig} checks keys together.
 */
final class ConnectorOptions {
  private static final int MAX_RETRY_DELAY_MILLIS = 24 * 60 * 60 * 1000;

  static final ConnectorOption<String> NAME =
      string("name")
          .required()
          .importance(Importance.HIGH)
          .valid(
              "text that is not empty, without control characters",
              ConfigDef.NonEmptyStringWithoutControlChars.nonEmptyStringWithoutControlChars())
          .build(Group.CONNECTOR, "The name of the connector, unique in the group of workers.");

  static final ConnectorOption<String> CONNECTOR_CLASS =
      string("connector.class")
          .required()
          .importance(Importance.HIGH)
          .valid(
              OptionValidators.CONNECTOR_CLASSES.stream()
                  .collect(Collectors.joining("`, `", "`", "`")),
              OptionValidators::checkClass)
          .build(Group.CONNECTOR, "The class of the connector. Both names mean the same.");

  static final ConnectorOption<Integer> TASKS_MAX =
      integer("tasks.max")
          .defaultValue(1)
          .importance(Importance.HIGH)
          .valid("1 to " + OptionValidators.MAX_TASKS, OptionValidators::checkTasks)
          .build(Group.CONNECTOR, "The number of tasks that share the vBuckets.");

  static final ConnectorOption<NodeAddresses> NODES =
      string("couchbase.nodes")
          .required()
          .importance(Importance.HIGH)
          .valid(
              "`host` or `host:port`, separated by commas or semicolons",
              (key, value) -> NodeAddresses.parse(key, (String) value))
          .as(value -> NodeAddresses.parse("couchbase.nodes", value))
          .endpoint(
              "connectionString",
              (endpoint, nodes) -> endpoint.setConnectionString(nodes.connectionString()))
          .build(
              Group.COUCHBASE,
              "The nodes that are asked first for the cluster's map. A port is that of the KV"
                  + " service. An IPv6 address is in brackets. Put `couchbases://` before the list"
                  + " for TLS.");

  static final ConnectorOption<String> BUCKET =
      string("couchbase.bucket")
          .importance(Importance.HIGH)
          .valid("the name of a bucket", OptionValidators::checkBucket)
          .build(
              Group.COUCHBASE,
              "The bucket to stream. Either this key or `couchbase.buckets` is required.");

  static final ConnectorOption<List<String>> BUCKETS =
      string("couchbase.buckets")
          .importance(Importance.HIGH)
          .valid(
              "names of buckets, separated by commas or semicolons", OptionValidators::checkBuckets)
          .as(OptionValidators::split)
          .build(Group.COUCHBASE, "The buckets to stream, if there are several.");

  static final ConnectorOption<String> USERNAME =
      string("couchbase.username")
          .importance(Importance.HIGH)
          .build(
              Group.COUCHBASE,
              "The user. It needs a password. Without a user, Caravan authenticates for each bucket"
                  + " with the bucket's name and an empty password, as servers before 5.0 expect.");

  static final ConnectorOption<Password> PASSWORD =
      password("couchbase.password")
          .importance(Importance.HIGH)
          .build(Group.COUCHBASE, "The password of the user.");

  static final ConnectorOption<Integer> BUFFER_SIZE =
      integer("couchbase.dcpConnectionBufferSize")
          .defaultValue(20 * 1024 * 1024)
          .valid(
              "0, or at least " + OptionValidators.MIN_BUFFER_SIZE,
              OptionValidators::checkBufferSize)
          .endpoint(
              "flowControlBufferSize",
              (endpoint, bytes) ->
                  endpoint.setFlowControlBufferSize(
                      bytes == 0 ? OptionValidators.MAX_DEFAULT_BUFFER_SIZE : bytes))
          .build(
              Group.COUCHBASE,
              "The number of bytes that a node may send on a DCP connection before Kafka has"
                  + " acknowledged them. 0 lets the worker decide. All tasks of a worker share an"
                  + " eighth of its heap, so a connection may get less.");

  static final ConnectorOption<Integer> DRAIN_RATE =
      integer("dcp.maximum.drainrate")
          .defaultValue(0)
          .valid("0 to " + OptionValidators.MAX_DRAIN_RATE, OptionValidators::checkDrainRate)
          .build(
              Group.STREAMING,
              "The maximum number of documents per second that the connector reads, all its tasks"
                  + " together. 0 means no limit.");

  static final ConnectorOption<StreamFromOption> STREAM_FROM =
      string("couchbase.stream.from")
          .defaultValue(StreamFromOption.SAVED_OFFSET_OR_BEGINNING.name())
          .valid(
              Arrays.stream(StreamFromOption.values())
                  .map(StreamFromOption::name)
                  .collect(Collectors.joining("`, `", "`", "`")),
              (key, value) -> StreamFromOption.of(key, (String) value))
          .as(value -> StreamFromOption.of("couchbase.stream.from", value))
          .endpoint("streamFrom", (endpoint, from) -> endpoint.setStreamFrom(from.componentValue()))
          .build(
              Group.STREAMING,
              "Where the connector starts for the first time. `BEGINNING` and `NOW` ignore the"
                  + " offsets of earlier configurations, once per submitted configuration: a task"
                  + " that restarts, on any worker, continues from its committed offset.");

  static final ConnectorOption<Duration> PERSISTENCE_POLLING_INTERVAL =
      string("couchbase.persistence.polling.interval")
          .defaultValue("100ms")
          .valid(
              "`0`, or up to one minute, such as `100ms` or `2s`",
              OptionValidators::checkPollingInterval)
          .as(OptionValidators::duration)
          .endpoint(
              "persistencePollingInterval",
              (endpoint, interval) -> endpoint.setPersistencePollingInterval(interval.toMillis()))
          .build(
              Group.STREAMING,
              "How often Couchbase is asked whether the changes that wait are persisted on all nodes"
                  + " that keep them. Changes are published only after that. At most one window"
                  + " (`couchbase.dcpConnectionBufferSize`) of new changes passes per interval. `0`"
                  + " publishes changes at once. Ignored for ephemeral buckets.");

  static final ConnectorOption<PurgedTombstones> PURGED_TOMBSTONES =
      string("couchbase.purged.tombstones")
          .defaultValue(PurgedTombstones.STRICT.toString())
          .oneOf((Object[]) PurgedTombstones.values())
          .as(text -> PurgedTombstones.valueOf(text.toUpperCase(Locale.ROOT)))
          .endpoint("purgedTombstones", CouchbaseDcpConfiguration::setPurgedTombstones)
          .build(
              Group.STREAMING,
              "What to do if Couchbase has purged deletions that were not read: `strict` reads the"
                  + " vBucket from its beginning, `lenient` continues without them. Both are"
                  + " logged.");

  static final ConnectorOption<Duration> STALL_TIMEOUT =
      string("couchbase.stall.timeout")
          .defaultValue("60s")
          .importance(Importance.LOW)
          .valid(
              "`0`, or up to one day, such as `60s` or `5m`", OptionValidators::checkStallTimeout)
          .as(OptionValidators::duration)
          .endpoint(
              "stallTimeout", (endpoint, timeout) -> endpoint.setStallTimeout(timeout.toMillis()))
          .build(
              Group.STREAMING,
              "The time after which the stream of a vBucket that has changed, but sends nothing, is"
                  + " opened again. `0` means never. If that does not help, the task's status says"
                  + " so.");

  static final ConnectorOption<RollbackPolicy> ROLLBACK_POLICY =
      string("couchbase.rollback.policy")
          .defaultValue(RollbackPolicy.RESUME.toString())
          .oneOf((Object[]) RollbackPolicy.values())
          .as(text -> RollbackPolicy.valueOf(text.toUpperCase(Locale.ROOT)))
          .endpoint("rollbackPolicy", CouchbaseDcpConfiguration::setRollbackPolicy)
          .build(
              Group.STREAMING,
              "What to do if Couchbase has lost published changes, for example after a failover:"
                  + " `resume` continues from where the histories part, `fail` fails the task.");

  static final ConnectorOption<String> OPERATIONS_TOPIC =
      string("couchbase.operations.topic")
          .importance(Importance.LOW)
          .valid("the name of a Kafka topic", OptionValidators::checkTopic)
          .build(
              Group.STREAMING,
              "The topic for a record of each rollback, with `vBucket`, `fromSeqno`, `toSeqno`,"
                  + " `oldVbuuid`, `newVbuuid`, and the number of published changes that are"
                  + " `lost`. Without it, rollbacks are only logged.");

  static final ConnectorOption<String> TOPIC =
      string("topic")
          .defaultValue("")
          .importance(Importance.HIGH)
          .validValues("text that is allowed in the name of a Kafka topic")
          .build(
              Group.RECORDS,
              "The prefix of the topic's name, before the bucket's name. It may be empty.");

  static final ConnectorOption<String> SCHEMA_NAME =
      string("schema.name")
          .defaultValue("CouchbaseDocument")
          .valid("a full name of Avro, such as `com.example.Document`", OptionValidators::checkName)
          .build(Group.RECORDS, "The full name of the schema of Avro records.");

  static final ConnectorOption<List<RecordHeader>> HEADERS =
      list("couchbase.headers")
          .defaultValue(List.of())
          .valid(
              Arrays.stream(RecordHeader.values())
                  .map(RecordHeader::label)
                  .collect(Collectors.joining("`, `", "any of `", "`")),
              OptionValidators::checkHeaders)
          .as(OptionValidators::headers)
          .build(
              Group.RECORDS,
              "The headers of each record, as the official connector has them: `partition` is the"
                  + " vBucket, `partitionUuid` its vbuuid. `event` (`mutation`, `deletion` or"
                  + " `expiration`) is Caravan's own.");

  static final ConnectorOption<String> HEADER_PREFIX =
      string("couchbase.header.name.prefix")
          .defaultValue(RecordHeaders.DEFAULT_PREFIX)
          .importance(Importance.LOW)
          .build(Group.RECORDS, "The prefix of the names of these headers.");

  static final ConnectorOption<DeliveryGuarantee> GUARANTEE =
      string("delivery.guarantee")
          .defaultValue(DeliveryGuarantee.AT_LEAST_ONCE.toString())
          .importance(Importance.HIGH)
          .oneOf((Object[]) DeliveryGuarantee.values())
          .as(value -> DeliveryGuarantee.valueOf(value.toUpperCase(Locale.ROOT)))
          .build(
              Group.DELIVERY,
              "`at_least_once` publishes again what was not committed before a crash."
                  + " `exactly_once` writes records and offsets in one transaction, so that"
                  + " consumers with `isolation.level=read_committed` see each change once. See"
                  + " [delivery guarantees](delivery-guarantees.md).");

  static final ConnectorOption<Duration> TRANSACTION_INTERVAL =
      longInteger("transaction.boundary.interval.ms")
          .defaultValue(1000L)
          .valid(
              "1 to " + OptionValidators.MAX_TRANSACTION_INTERVAL,
              OptionValidators::checkTransactionInterval)
          .as(Duration::ofMillis)
          .build(
              Group.DELIVERY,
              "With `exactly_once`: the time in milliseconds after which a transaction is committed."
                  + " Consumers see records after at most this time. A longer interval makes fewer"
                  + " commits.");

  static final ConnectorOption<String> TOLERANCE =
      string("errors.tolerance")
          .defaultValue("none")
          .oneOf("none", "all")
          .build(
              Group.ERRORS,
              "What to do with a document that cannot be converted, or that Kafka refuses as too"
                  + " large or invalid (topics accept records of 1 MB, compressed, unless"
                  + " `max.message.bytes` is set): `none` fails the task and names the document,"
                  + " `all` sends it to the dead letter queue.");

  static final ConnectorOption<String> DEAD_LETTER_QUEUE_TOPIC =
      string("errors.deadletterqueue.topic.name")
          .defaultValue("")
          .valid("empty, or the name of a Kafka topic", OptionValidators::checkTopicOrEmpty)
          .build(
              Group.ERRORS,
              "The topic of the dead letter queue. It is created if it is missing, also if it is"
                  + " deleted later. Without it, such documents are logged and skipped. A value that"
                  + " was too large is omitted. If the topic's `max.message.bytes` is below the"
                  + " producer's `batch.size` (128 KiB), Kafka's client splits batches endlessly:"
                  + " lower `producer.batch.size` then.");

  static final ConnectorOption<Short> DEAD_LETTER_QUEUE_REPLICATION =
      shortInteger("errors.deadletterqueue.topic.replication.factor")
          .defaultValue((short) -1)
          .valid("-1, or at least 1", OptionValidators::checkReplication)
          .build(
              Group.ERRORS,
              "The number of replicas of that topic when it is created. -1 means the broker's"
                  + " default.");

  static final ConnectorOption<Boolean> DEAD_LETTER_QUEUE_HEADERS =
      bool("errors.deadletterqueue.context.headers.enable")
          .defaultValue(true)
          .build(
              Group.ERRORS,
              "Whether records of the dead letter queue have headers with the reason, with Kafka"
                  + " Connect's names. Kafka Connect's own default is `false`.");

  static final ConnectorOption<Integer> MAX_RETRIES =
      integer("errors.max.retries")
          .defaultValue(10)
          .valid("at least -1", ConfigDef.Range.atLeast(-1))
          .build(
              Group.ERRORS,
              "The number of times in a row that a failed task is restarted automatically. 0 means"
                  + " never, -1 means without a limit.");

  static final ConnectorOption<Duration> RETRY_DELAY =
      integer("errors.retry.delay.initial.ms")
          .defaultValue(1000)
          .importance(Importance.LOW)
          .valid("1 to " + MAX_RETRY_DELAY_MILLIS, retryDelay())
          .as(Duration::ofMillis)
          .build(
              Group.ERRORS,
              "The delay in milliseconds before the first restart. It doubles with each further"
                  + " restart.");

  static final ConnectorOption<Duration> MAX_RETRY_DELAY =
      integer("errors.retry.delay.max.ms")
          .defaultValue(60_000)
          .importance(Importance.LOW)
          .valid("1 to " + MAX_RETRY_DELAY_MILLIS, retryDelay())
          .as(Duration::ofMillis)
          .build(
              Group.ERRORS,
              "The maximum delay in milliseconds. After a task has run for this time, the next"
                  + " failure is again the first.");

  /** All options, in the order of the reference. */
  static final List<ConnectorOption<?>> ALL =
      List.of(
          NAME,
          CONNECTOR_CLASS,
          TASKS_MAX,
          NODES,
          BUCKET,
          BUCKETS,
          USERNAME,
          PASSWORD,
          BUFFER_SIZE,
          DRAIN_RATE,
          STREAM_FROM,
          PERSISTENCE_POLLING_INTERVAL,
          PURGED_TOMBSTONES,
          STALL_TIMEOUT,
          ROLLBACK_POLICY,
          OPERATIONS_TOPIC,
          TOPIC,
          SCHEMA_NAME,
          HEADERS,
          HEADER_PREFIX,
          GUARANTEE,
          TRANSACTION_INTERVAL,
          TOLERANCE,
          DEAD_LETTER_QUEUE_TOPIC,
          DEAD_LETTER_QUEUE_REPLICATION,
          DEAD_LETTER_QUEUE_HEADERS,
          MAX_RETRIES,
          RETRY_DELAY,
          MAX_RETRY_DELAY);

  /** All options as Kafka's parser takes them. */
  static final ConfigDef DEFINITION = definition();

  private ConnectorOptions() {}

  /** Returns all options by group, in the order of the reference. */
  static Map<Group, List<ConnectorOption<?>>> byGroup() {
    return ALL.stream()
        .collect(
            Collectors.collectingAndThen(
                Collectors.groupingBy(
                    ConnectorOption::group,
                    () -> new EnumMap<>(Group.class),
                    Collectors.toUnmodifiableList()),
                Collections::unmodifiableMap));
  }

  private static ConfigDef definition() {
    ConfigDef definition = new ConfigDef();
    byGroup()
        .values()
        .forEach(
            options -> {
              for (int order = 0; order < options.size(); order++) {
                options.get(order).addTo(definition, order + 1);
              }
            });
    return definition;
  }

  private static ConfigDef.Validator retryDelay() {
    return ConfigDef.Range.between(1, MAX_RETRY_DELAY_MILLIS);
  }
}
