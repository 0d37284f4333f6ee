// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import static dev.caravan.connector.ConnectorConfigTest.errors;
import static dev.caravan.connector.ConnectorConfigTest.minimal;
import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.component.CouchbaseDcpConfiguration;
import dev.caravan.stream.settings.PurgedTombstones;
import dev.caravan.stream.settings.RollbackPolicy;
import dev.caravan.stream.settings.StreamFrom;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigDef;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each key of a connector's configuration on its own. */
class ConnectorOptionsTest {
  /** A value that each key refuses. */
  private static final Map<String, String> WRONG_VALUES =
      Map.ofEntries(
          Map.entry("name", "a\u0000b"),
          Map.entry("connector.class", "no.such.Class"),
          Map.entry("tasks.max", "0"),
          Map.entry("couchbase.nodes", "host:0"),
          Map.entry("couchbase.bucket", "a/b"),
          Map.entry("couchbase.buckets", "travel,travel"),
          Map.entry("couchbase.dcpConnectionBufferSize", "1"),
          Map.entry("dcp.maximum.drainrate", "-1"),
          Map.entry("couchbase.stream.from", "END"),
          Map.entry("couchbase.persistence.polling.interval", "61s"),
          Map.entry("couchbase.purged.tombstones", "ignore"),
          Map.entry("couchbase.stall.timeout", "never"),
          Map.entry("couchbase.rollback.policy", "stop"),
          Map.entry("couchbase.operations.topic", ".."),
          Map.entry("topic", "a/"),
          Map.entry("schema.name", "1st"),
          Map.entry("couchbase.headers", "colour"),
          Map.entry("delivery.guarantee", "at_most_once"),
          Map.entry("transaction.boundary.interval.ms", "10001"),
          Map.entry("errors.tolerance", "some"),
          Map.entry("errors.deadletterqueue.topic.name", "a b"),
          Map.entry("errors.deadletterqueue.topic.replication.factor", "0"),
          Map.entry("errors.deadletterqueue.context.headers.enable", "perhaps"),
          Map.entry("errors.max.retries", "-2"),
          Map.entry("errors.retry.delay.initial.ms", "0"),
          Map.entry("errors.retry.delay.max.ms", "86400001"));

  /** The keys that take any text. */
  private static final Set<String> FREE_TEXT =
      Set.of("couchbase.username", "couchbase.password", "couchbase.header.name.prefix");

  static List<ConnectorOption<?>> options() {
    return ConnectorOptions.ALL;
  }

  @Test
  void everyKeyIsThereOnceAndHasAWrongValueOrTakesAnyText() {
    assertThat(ConnectorOptions.ALL)
        .extracting(ConnectorOption::key)
        .containsExactlyInAnyOrderElementsOf(
            Stream.concat(WRONG_VALUES.keySet().stream(), FREE_TEXT.stream()).toList());
    assertThat(ConnectorOptions.DEFINITION.names())
        .isEqualTo(
            ConnectorOptions.ALL.stream().map(ConnectorOption::key).collect(Collectors.toSet()));
  }

  static List<ConnectorOption<?>> optionsWithADefault() {
    return ConnectorOptions.ALL.stream()
        .filter(option -> option.defaultValue() != null)
        .filter(option -> !ConfigDef.NO_DEFAULT_VALUE.equals(option.defaultValue()))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("optionsWithADefault")
  void theDefaultIsValid(ConnectorOption<?> option) {
    Map<String, String> written = minimal();
    written.put(option.key(), ConfigDef.convertToString(option.defaultValue(), option.type()));
    assertThat((Object) ConnectorConfig.parse(written).get(option))
        .isEqualTo(ConnectorConfig.parse(minimal()).get(option));
  }

  @ParameterizedTest
  @MethodSource("options")
  void aWrongValueIsRefusedWithItsKeyAndTheValue(ConnectorOption<?> option) {
    if (FREE_TEXT.contains(option.key())) {
      assertThat(option.validator()).isNull();
      return;
    }
    Map<String, String> properties = minimal();
    if (option.key().equals("couchbase.buckets")) {
      properties.remove("couchbase.bucket");
    }
    String value = WRONG_VALUES.get(option.key());
    properties.put(option.key(), value);
    String shown = option.type() == ConfigDef.Type.LIST ? "[" + value + "]" : value;
    assertThat(errors(properties))
        .singleElement()
        .asString()
        .startsWith("Invalid value " + shown + " for configuration " + option.key() + ": ");
  }

  @ParameterizedTest
  @MethodSource("options")
  void theDocumentationIsASentence(ConnectorOption<?> option) {
    assertThat(option.documentation()).matches("(?s)[`A-Z].*\\.").doesNotContain("|", "\n");
    assertThat(option.validValues()).isNotBlank().doesNotContain("|", "\n");
  }

  @Test
  void theEndpointGetsEachOptionThatNamesOne() {
    Map<String, String> properties = new HashMap<>(minimal());
    properties.put("couchbase.dcpConnectionBufferSize", "65536");
    properties.put("couchbase.stream.from", "NOW");
    properties.put("couchbase.persistence.polling.interval", "2s");
    properties.put("couchbase.purged.tombstones", "lenient");
    properties.put("couchbase.stall.timeout", "5m");
    properties.put("couchbase.rollback.policy", "fail");
    assertThat(ConnectorConfig.parse(properties).endpointConfiguration())
        .returns("couchbase://localhost", CouchbaseDcpConfiguration::getConnectionString)
        .returns(65536, CouchbaseDcpConfiguration::getFlowControlBufferSize)
        .returns(StreamFrom.SAVED_OR_NOW, CouchbaseDcpConfiguration::getStreamFrom)
        .returns(2_000L, CouchbaseDcpConfiguration::getPersistencePollingInterval)
        .returns(PurgedTombstones.LENIENT, CouchbaseDcpConfiguration::getPurgedTombstones)
        .returns(300_000L, CouchbaseDcpConfiguration::getStallTimeout)
        .returns(RollbackPolicy.FAIL, CouchbaseDcpConfiguration::getRollbackPolicy);
    assertThat(ConnectorOptions.ALL.stream().filter(option -> option.endpoint() != null))
        .hasSize(7)
        .allSatisfy(
            option ->
                assertThat(CouchbaseDcpConfiguration.class)
                    .hasMethods(
                        "set"
                            + option.endpoint().name().substring(0, 1).toUpperCase(Locale.ROOT)
                            + option.endpoint().name().substring(1)));
  }
}
