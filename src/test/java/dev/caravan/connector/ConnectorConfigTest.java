// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.record.RecordHeader;
import dev.caravan.record.RecordHeaders;
import dev.caravan.stream.settings.PurgedTombstones;
import dev.caravan.stream.settings.RollbackPolicy;
import dev.caravan.stream.settings.StreamFrom;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.Logger;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("unit")
class ConnectorConfigTest {
  @Test
  void theMissionsExampleIsValidAsItIsPrinted() throws Exception {
    ConnectorConfig config = ConnectorConfig.parse(missionExample());
    assertThat(config.name()).isEqualTo("couchbase-kafka-connector");
    assertThat(config.buckets()).containsExactly("PMCONCURRENCY");
    assertThat(config.topic("PMCONCURRENCY")).isEqualTo("couchbase-kafka-connectorPMCONCURRENCY");
    assertThat(config.get(ConnectorOptions.SCHEMA_NAME)).isEqualTo("couchbaseschema");
    assertThat(config.get(ConnectorOptions.NODES).connectionString())
        .isEqualTo("couchbase://localhost");
    assertThat(config.drainRate()).isEqualTo(1000);
    assertThat(config.get(ConnectorOptions.BUFFER_SIZE)).isZero();
    assertThat(config.credentials()).isEmpty();
    assertThat(TaskConfig.of(config)).hasSize(1);
  }

  private static Map<String, String> missionExample() throws Exception {
    try (InputStream in =
        ConnectorConfigTest.class.getResourceAsStream("/mission/create-request.txt")) {
      String text = new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      JsonNode request = new ObjectMapper().readTree(text.substring(text.indexOf('{')));
      Map<String, String> properties = new LinkedHashMap<>();
      properties.put("name", request.get("name").textValue());
      request
          .get("config")
          .properties()
          .forEach(entry -> properties.put(entry.getKey(), entry.getValue().textValue()));
      return properties;
    }
  }

  @Test
  void noKeyMayNameATopicOfTheWorkerOrOfKafka() {
    Set<String> keys =
        ConnectorOptions.DEFINITION.names().stream()
            .filter(key -> key.matches(".*\\btopic(\\.name)?"))
            .collect(Collectors.toSet());
    assertThat(keys).hasSizeGreaterThan(2);
    assertThat(ConnectorConfig.parse(minimal()).topics()).containsOnlyKeys(keys);
    for (String topic : List.of("w-configs", "__consumer_offsets", "__transaction_state")) {
      Map<String, String> properties = minimal();
      keys.forEach(key -> properties.put(key, topic));
      properties.put("topic", topic.substring(0, 3));
      properties.put("couchbase.bucket", topic.substring(3));
      ConnectorConfig config = ConnectorConfig.parse(properties);

      InvalidConnectorConfigException refusal =
          catchThrowableOfType(
              InvalidConnectorConfigException.class,
              () -> config.refuseInternalTopics(Set.of("w-configs", "w-offsets")));

      String owner = topic.startsWith("__") ? "Kafka" : "the worker";
      assertThat(errors(refusal))
          .containsExactlyInAnyOrderElementsOf(
              keys.stream()
                  .map(
                      key ->
                          "Invalid value %s for configuration %s: records would go to topic \"%s\", which %s needs for itself; set %s so that it names another topic"
                              .formatted(properties.get(key), key, topic, owner, key))
                  .toList());
    }
  }

  @Test
  void missingKeysHaveDefaults() {
    ConnectorConfig config = ConnectorConfig.parse(minimal());
    assertThat(config.topic("travel")).isEqualTo("travel");
    assertThat(config.get(ConnectorOptions.SCHEMA_NAME)).isEqualTo("CouchbaseDocument");
    assertThat(config.drainRate()).isZero();
    assertThat(config.get(ConnectorOptions.BUFFER_SIZE)).isEqualTo(20971520);
    assertThat(config.get(ConnectorOptions.PERSISTENCE_POLLING_INTERVAL)).hasMillis(100);
    assertThat(config.endpointConfiguration().getStreamFrom())
        .isEqualTo(StreamFrom.SAVED_OR_BEGINNING);
    assertThat(config.get(ConnectorOptions.PURGED_TOMBSTONES)).isEqualTo(PurgedTombstones.STRICT);
    assertThat(config.get(ConnectorOptions.STALL_TIMEOUT)).hasSeconds(60);
    assertThat(config.restartPolicy())
        .isEqualTo(new RestartPolicy(10, Duration.ofSeconds(1), Duration.ofMinutes(1)));
    assertThat(config.get(ConnectorOptions.ROLLBACK_POLICY)).isEqualTo(RollbackPolicy.RESUME);
    assertThat(config.find(ConnectorOptions.OPERATIONS_TOPIC)).isEmpty();
    assertThat(config.isExactlyOnce()).isFalse();
    assertThat(config.headers()).isEqualTo(RecordHeaders.NONE);
    assertThat(config.get(ConnectorOptions.TRANSACTION_INTERVAL)).isEqualTo(Duration.ofSeconds(1));
    assertThat(config.credentials()).isEmpty();
    assertThat(TaskConfig.of(config)).hasSize(1);
  }

  @Test
  void everyKeyIsRead() {
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("name", "golden");
    properties.put("connector.class", "dev.caravan.CouchbaseSourceConnector");
    properties.put("tasks.max", "4");
    properties.put("topic", "prefix.");
    properties.put("schema.name", "com.example.Document");
    properties.put("couchbase.nodes", "couchbases://a;b:11207, [::1]:11207");
    properties.put("couchbase.buckets", "travel; orders,beer-sample");
    properties.put("couchbase.username", "reader");
    properties.put("couchbase.password", "secret");
    properties.put("dcp.maximum.drainrate", "10");
    properties.put("couchbase.dcpConnectionBufferSize", "65536");
    properties.put("couchbase.persistence.polling.interval", "2s");
    properties.put("couchbase.stream.from", "SAVED_OFFSET_OR_NOW");
    properties.put("couchbase.purged.tombstones", "lenient");
    properties.put("couchbase.stall.timeout", "5m");
    properties.put("errors.max.retries", "-1");
    properties.put("errors.retry.delay.initial.ms", "5");
    properties.put("errors.retry.delay.max.ms", "500");
    properties.put("delivery.guarantee", "exactly_once");
    properties.put("couchbase.headers", "seqno, cas,seqno");
    properties.put("couchbase.header.name.prefix", "cb-");
    properties.put("transaction.boundary.interval.ms", "250");
    ConnectorConfig config = ConnectorConfig.parse(properties);
    assertThat(config.buckets()).containsExactly("travel", "orders", "beer-sample");
    assertThat(config.topic("orders")).isEqualTo("prefix.orders");
    assertThat(config.get(ConnectorOptions.SCHEMA_NAME)).isEqualTo("com.example.Document");
    assertThat(config.get(ConnectorOptions.NODES).connectionString())
        .isEqualTo("couchbases://a,b:11207,[::1]:11207");
    assertThat(config.credentials().orElseThrow().username()).isEqualTo("reader");
    assertThat(config.credentials().orElseThrow().password()).isEqualTo("secret");
    assertThat(config.drainRate()).isEqualTo(10);
    assertThat(config.get(ConnectorOptions.BUFFER_SIZE)).isEqualTo(65536);
    assertThat(config.get(ConnectorOptions.PERSISTENCE_POLLING_INTERVAL)).hasSeconds(2);
    assertThat(config.endpointConfiguration().getStreamFrom()).isEqualTo(StreamFrom.SAVED_OR_NOW);
    assertThat(config.get(ConnectorOptions.PURGED_TOMBSTONES)).isEqualTo(PurgedTombstones.LENIENT);
    assertThat(config.get(ConnectorOptions.STALL_TIMEOUT)).hasMinutes(5);
    assertThat(config.restartPolicy())
        .isEqualTo(new RestartPolicy(-1, Duration.ofMillis(5), Duration.ofMillis(500)));
    assertThat(config.isExactlyOnce()).isTrue();
    assertThat(config.headers())
        .isEqualTo(new RecordHeaders("cb-", List.of(RecordHeader.SEQNO, RecordHeader.CAS)));
    assertThat(config.get(ConnectorOptions.TRANSACTION_INTERVAL)).isEqualTo(Duration.ofMillis(250));
    assertThat(TaskConfig.of(config))
        .extracting(TaskConfig::vbuckets)
        .containsExactly("0/4", "1/4", "2/4", "3/4");
    assertThat(config.properties()).isEqualTo(properties);
    assertThat(config.toString()).doesNotContain("secret");
  }

  @Test
  void anUnknownHeaderIsRefusedWithTheValidOnes() {
    Map<String, String> properties = new LinkedHashMap<>(minimal());
    properties.put("couchbase.headers", "seqno,colour");
    assertThat(errors(properties))
        .singleElement()
        .asString()
        .startsWith("Invalid value [seqno, colour] for configuration couchbase.headers: ")
        .contains("\"colour\" is no header; there are bucket, scope, ");
  }

  @Test
  void allMissingKeysAreReported() {
    assertThat(errors(Map.of()))
        .containsExactlyInAnyOrder(
            "Missing required configuration \"name\" which has no default value.",
            "Missing required configuration \"connector.class\" which has no default value.",
            "Missing required configuration \"couchbase.nodes\" which has no default value.",
            "Missing required configuration \"couchbase.bucket\" which has no default value."
                + " (Several buckets are given as \"couchbase.buckets\".)");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "connector.class | no.such.Class | org.apache.kafka.connect.couchbase.CouchbaseSourceConnector",
        "tasks.max | 0 | at least 1",
        "tasks.max | 1025 | at most 1024",
        "tasks.max | two | Not a number of type INT",
        "schema.name | 1st | not beginning with a digit",
        "schema.name | a..b | separated by dots",
        "couchbase.nodes | host:0 | \"host:0\" is not a node",
        "couchbase.nodes | host:65536 | \"host:65536\" is not a node",
        "couchbase.nodes | a,b c | \"b c\" is not a node",
        "couchbase.nodes | ::1 | \"::1\" is not a node",
        "couchbase.nodes | db- | \"db-\" is not a node",
        "couchbase.nodes | -db:11210 | \"-db:11210\" is not a node",
        "couchbase.nodes | db-.example.com | \"db-.example.com\" is not a node",
        "couchbase.nodes | a..b | \"a..b\" is not a node",
        "couchbase.nodes | [fe80::1%eth.0] | is not a node",
        "couchbase.nodes | http://host:8091 | \"http://\" is unknown",
        "couchbase.nodes | couchbase://a,couchbases://b | can't be mixed",
        "couchbase.nodes | , | at least one node",
        "couchbase.bucket | a,b | couchbase.buckets",
        "couchbase.bucket | a/b | 1 to 100 letters",
        "dcp.maximum.drainrate | -1 | 0 for no limit",
        "dcp.maximum.drainrate | 0.5 | Not a number of type INT",
        "dcp.maximum.drainrate | 5000001 | 5000000 documents a second",
        "delivery.guarantee | at_most_once | String must be one of: at_least_once, exactly_once",
        "transaction.boundary.interval.ms | 0 | 1 to 10000 milliseconds",
        "transaction.boundary.interval.ms | 10001 | 1 to 10000 milliseconds",
        "couchbase.dcpConnectionBufferSize | 65535 | at least 65536 bytes",
        "couchbase.dcpConnectionBufferSize | -1 | at least 65536 bytes",
        "couchbase.dcpConnectionBufferSize | 20m | Not a number of type INT",
        "couchbase.persistence.polling.interval | 100 | such as 100ms or 2s",
        "couchbase.persistence.polling.interval | 61s | up to one minute",
        "couchbase.stream.from | END | String must be one of: ",
        "couchbase.purged.tombstones | ignore | String must be one of: strict, lenient",
        "couchbase.stall.timeout | 1441m | up to one day",
        "couchbase.stall.timeout | never | 0 for never",
        "errors.deadletterqueue.topic.replication.factor | -7 | at least 1, or -1 for the broker's default",
        "errors.deadletterqueue.topic.replication.factor | 0 | at least 1, or -1 for the broker's default",
        "errors.max.retries | -2 | Value must be at least -1",
        "errors.retry.delay.initial.ms | 0 | Value must be at least 1",
        "couchbase.rollback.policy | stop | String must be one of: resume, fail",
        "couchbase.operations.topic | a/b | letters, digits or any of . _ -",
        "topic | with blank | would be \"with blanktravel\"",
        "topic | a/b | letters, digits or any of . _ -",
      })
  void aWrongValueIsRefusedWithItsKeyAndTheRemedy(String key, String value, String says) {
    Map<String, String> properties = minimal();
    properties.put(key, value);
    assertThat(errors(properties))
        .singleElement()
        .asString()
        .startsWith("Invalid value " + value + " for configuration " + key + ": ")
        .contains(says);
  }

  @Test
  void aTopicNameIsAtMost249CharactersLong() {
    Map<String, String> properties = minimal();
    properties.put("topic", "x".repeat(243));
    assertThat(ConnectorConfig.parse(properties).topic("travel")).hasSize(249);
    properties.put("topic", "x".repeat(244));
    assertThat(errors(properties)).singleElement().asString().contains("1 to 249");
  }

  @Test
  void aWrongValueOfAnyLengthIsRefused() {
    Map<String, String> properties = minimal();
    properties.put("couchbase.nodes", "a.".repeat(100_000) + "a");
    properties.put("schema.name", "a.".repeat(100_000));
    assertThat(errors(properties))
        .hasSize(2)
        .allSatisfy(error -> assertThat(error).startsWith("Invalid value a.a.a."));
  }

  @Test
  void anEmptyOrUnprintableNameIsWrong() {
    for (String name : List.of("", "a\u0000b")) {
      Map<String, String> properties = minimal();
      properties.put("name", name);
      assertThat(errors(properties)).singleElement().asString().contains("for configuration name");
    }
  }

  @Test
  void severalBucketsMayBeOne() {
    Map<String, String> properties = minimal();
    properties.remove("couchbase.bucket");
    properties.put("couchbase.buckets", "travel");
    assertThat(ConnectorConfig.parse(properties).buckets()).containsExactly("travel");
    properties.put("couchbase.bucket", "travel");
    assertThat(ConnectorConfig.parse(properties).buckets()).containsExactly("travel");
  }

  @Test
  void bucketsThatContradictEachOtherAreWrong() {
    Map<String, String> properties = minimal();
    properties.put("couchbase.buckets", "travel,orders");
    assertThat(errors(properties)).singleElement().asString().contains("give one of the two");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a,b,a", ",", "a,b/c"})
  void aListOfBucketsHasEachOnce(String buckets) {
    Map<String, String> properties = minimal();
    properties.remove("couchbase.bucket");
    properties.put("couchbase.buckets", buckets);
    assertThat(errors(properties))
        .singleElement()
        .asString()
        .startsWith("Invalid value " + buckets + " for configuration couchbase.buckets: ");
  }

  @Test
  void aUserNeedsAPasswordAndAPasswordAUser() {
    Map<String, String> properties = minimal();
    properties.put("couchbase.username", "reader");
    assertThat(errors(properties))
        .containsExactly(
            "Missing required configuration \"couchbase.password\", which \"couchbase.username\""
                + " can't do without.");
    properties.remove("couchbase.username");
    properties.put("couchbase.password", "top-secret");
    assertThat(errors(properties)).singleElement().asString().doesNotContain("top-secret");
  }

  @Test
  void aPasswordInAnAddressIsNotRepeated() {
    Map<String, String> properties = minimal();
    properties.put("couchbase.nodes", "couchbase://reader:top-secret@host");
    assertThat(errors(properties))
        .singleElement()
        .asString()
        .contains("couchbase.username")
        .doesNotContain("top-secret");
  }

  @Test
  void unknownPropertiesAreAcceptedAndTheirNamesAreLogged() {
    Map<String, String> properties = minimal();
    properties.put("transforms", "mask-of-a-secret");
    properties.put("predicates", "all");
    List<String> logged = new ArrayList<>();
    AbstractAppender appender =
        new AbstractAppender("test", null, null, true, Property.EMPTY_ARRAY) {
          @Override
          public void append(LogEvent event) {
            logged.add(event.getMessage().getFormattedMessage());
          }
        };
    appender.start();
    Logger logger = (Logger) LogManager.getLogger(ConnectorConfig.class);
    logger.addAppender(appender);
    try {
      ConnectorConfig.parse(properties).warnOfUnknownProperties();
    } finally {
      logger.removeAppender(appender);
    }
    assertThat(logged)
        .containsExactly(
            "Connector golden: unknown properties are ignored: [predicates, transforms]");
  }

  /** The properties of a valid connector without optional keys. */
  static Map<String, String> minimal() {
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("name", "golden");
    properties.put(
        "connector.class", "org.apache.kafka.connect.couchbase.CouchbaseSourceConnector");
    properties.put("couchbase.nodes", "localhost");
    properties.put("couchbase.bucket", "travel");
    return properties;
  }

  /** The errors of an invalid configuration. */
  static List<String> errors(Map<String, String> properties) {
    return errors(
        catchThrowableOfType(
            InvalidConnectorConfigException.class, () -> ConnectorConfig.parse(properties)));
  }

  private static List<String> errors(InvalidConnectorConfigException refusal) {
    return refusal.getMessage().lines().skip(1).toList();
  }

  @Test
  void aClientOfTheRestApiCannotReadFilesWithAConfigProvider(@TempDir Path folder)
      throws IOException {
    Path secrets = Files.writeString(folder.resolve("secrets.properties"), "user=root");
    Map<String, String> properties = new HashMap<>(minimal());
    properties.put("config.providers", "file");
    properties.put(
        "config.providers.file.class",
        "org.apache.kafka.common.config.provider.FileConfigProvider");
    properties.put("couchbase.username", "${file:" + secrets + ":user}");
    properties.put("couchbase.password", "password");
    assertThat(ConnectorConfig.parse(properties).credentials().orElseThrow().username())
        .isEqualTo("${file:" + secrets + ":user}");
  }

  @ParameterizedTest
  @CsvSource({
    "saved-or-beginning, SAVED_OFFSET_OR_BEGINNING",
    "saved-or-now, SAVED_OFFSET_OR_NOW",
    "beginning, BEGINNING",
    "now, NOW"
  })
  void theComponentsNamesOfAStartAreAcceptedToo(String name, StreamFromOption option) {
    Map<String, String> properties = new HashMap<>(minimal());
    properties.put("couchbase.stream.from", name);
    assertThat(ConnectorConfig.parse(properties).get(ConnectorOptions.STREAM_FROM))
        .isEqualTo(option);
  }
}
