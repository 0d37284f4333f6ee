// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.offset.FileOffsetStore;
import dev.caravan.offset.KafkaTopicOffsetStore;
import dev.caravan.offset.SharedOffsetStore;
import dev.caravan.stream.settings.PurgedTombstones;
import dev.caravan.stream.settings.RollbackPolicy;
import dev.caravan.stream.settings.StreamFrom;
import dev.caravan.stream.settings.StreamTo;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.camel.CamelContext;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("unit")
class CouchbaseDcpEndpointTest {
  private static CamelContext context;

  @BeforeAll
  static void start() {
    context = new DefaultCamelContext();
    context.start();
  }

  @AfterAll
  static void stop() {
    context.stop();
  }

  private static CouchbaseDcpEndpoint endpoint(String rest) {
    return context.getEndpoint("couchbase-dcp:" + rest, CouchbaseDcpEndpoint.class);
  }

  @Test
  void theDefaultsAreThoseOfTheDocumentation() {
    CouchbaseDcpConfiguration options =
        endpoint("travel?connectionString=localhost").getConfiguration();

    assertThat(options.getVbuckets()).isEqualTo("all");
    assertThat(options.getStreamFrom()).isEqualTo(StreamFrom.SAVED_OR_BEGINNING);
    assertThat(options.getOnDeliveryFailure()).isEqualTo(OnDeliveryFailure.RETRY);
    assertThat(options.getOffsetCommitInterval()).isEqualTo(5_000);
    assertThat(options.getBatchSize()).isEqualTo(1);
    assertThat(options.getMaxInFlight()).isEqualTo(4_000);
    assertThat(options.getFlowControlBufferSize()).isEqualTo(16_777_216);
    assertThat(options.isCompression()).isTrue();
    assertThat(options.isNoValue()).isFalse();
    assertThat(options.isXattrs()).isFalse();
    assertThat(options.isHostnameVerification()).isTrue();
    assertThat(options.getConnectTimeout()).isEqualTo(2_000);
    assertThat(options.getBootstrapTimeout()).isEqualTo(10_000);
    assertThat(options.getRetryBackoff()).isEqualTo(500);
    assertThat(options.getMaxRetryBackoff()).isEqualTo(30_000);
    assertThat(options.getDrainTimeout()).isEqualTo(3_000);
  }

  @Test
  void aValueOfAnEnumIsWrittenWithHyphens() {
    CouchbaseDcpConfiguration options =
        endpoint(
                "travel?connectionString=a&streamFrom=saved-or-now&streamTo=now&rollbackPolicy=fail"
                    + "&purgedTombstones=lenient&onDeliveryFailure=stop")
            .getConfiguration();

    assertThat(options.getStreamFrom()).isEqualTo(StreamFrom.SAVED_OR_NOW);
    assertThat(options.getStreamTo()).isEqualTo(StreamTo.NOW);
    assertThat(options.getRollbackPolicy()).isEqualTo(RollbackPolicy.FAIL);
    assertThat(options.getPurgedTombstones()).isEqualTo(PurgedTombstones.LENIENT);
    assertThat(options.getOnDeliveryFailure()).isEqualTo(OnDeliveryFailure.STOP);
  }

  @Test
  void severalBucketsAreTakenOnceEachInOrder() {
    assertThat(endpoint("b,a,b?connectionString=localhost").bucketNames())
        .containsExactly("b", "a");
  }

  @Test
  void withoutCredentialsTheUserIsNamedLikeTheBucket() {
    assertThat(
            endpoint("travel?connectionString=localhost")
                .getConfiguration()
                .settings()
                .login()
                .apply("travel"))
        .satisfies(
            login -> {
              assertThat(login.username()).isEqualTo("travel");
              assertThat(login.password()).isEmpty();
            });
  }

  @Test
  void credentialsWinOverUsernameAndPassword() {
    context.getRegistry().bind("login", Credentials.of("bean", "hush"));

    var login =
        endpoint("travel?connectionString=localhost&credentials=#login&username=me&password=x")
            .getConfiguration()
            .settings()
            .login()
            .apply("travel");

    assertThat(login.username()).isEqualTo("bean");
    assertThat(login.password()).isEqualTo("hush");
    assertThat(login.toString() + Credentials.of("bean", "hush")).doesNotContain("hush");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "travel | connectionString is missing",
        "travel?connectionString=a:port | connectionString 'a:port': 'a:port' is not a host",
        "travel?connectionString=db- | connectionString 'db-': 'db-' is not a host",
        "travel?connectionString=a&stallTimeout=never | stallTimeout 'never' is not a duration. Give a number with its unit, such as 500ms, 60s or 5m.",
        "travel?connectionString=a&drainTimeout=5x | drainTimeout '5x' is not a duration",
        "travel?connectionString=a&retryBackoff=1.5s | retryBackoff '1.5s' is not a duration",
        "travel?connectionString=a&vbuckets=x | vbuckets 'x'",
        "travel?connectionString=a&onDeliveryFailure=ignore | onDeliveryFailure 'ignore' is"
            + " unknown. Use retry or stop.",
        "travel?connectionString=a&streamFrom=yesterday | streamFrom 'yesterday' is unknown. Use"
            + " saved-or-beginning, saved-or-now, beginning or now.",
        "travel?connectionString=a&streamTo=never | streamTo 'never' is unknown. Use infinity or"
            + " now.",
        "travel?connectionString=a&rollbackPolicy=ask | rollbackPolicy 'ask' is unknown. Use resume"
            + " or fail.",
        "travel?connectionString=a&purgedTombstones=maybe | purgedTombstones 'maybe' is unknown."
            + " Use strict or lenient.",
        "travel?connectionString=a&streamTo= | streamTo '' is unknown",
        "travel?connectionString=a&batchSize=0 | batchSize '0' is out of range",
        "travel?connectionString=a&maxInFlight=0 | maxInFlight '0' is out of range",
        "travel?connectionString=a&flowControlBufferSize=0 | flowControlBufferSize '0' is out of"
            + " range",
        "travel?connectionString=a&collections=orders | 'orders' is not of the form"
            + " scope.collection",
        "travel?connectionString=a&username=me | password is missing",
        "travel?connectionString=a&password=x | username is missing",
        "travel?connectionString=a&bootstrapTimeout=0 | bootstrapTimeout '0' ms is out of range",
        "travel?connectionString=a&offsetCommitInterval=-1 | offsetCommitInterval '-1' ms is out of"
            + " range",
        "travel?connectionString=a&retryBackoff=10s&maxRetryBackoff=1s | maxRetryBackoff '1000' ms"
            + " is less than",
        "travel?connectionString=a&trustCertificate=/no/such.pem | trustCertificate '/no/such.pem'"
            + " can't be read",
        "a/b?connectionString=a | 'a/b' in couchbase-dcp:a/b is no bucket's name",
        "a,,b?connectionString=a | '' in couchbase-dcp:a,,b is no bucket's name",
        "travel?connectionString=a&colections=s.c | colections",
        "travel?connectionString=a&offsetStore=redis:x | offsetStore 'redis:x' is no offset store. Use file:<path>, kafka:<topic>?brokers=<host:port>, memory:<name>, or #bean:<name>.",
        "travel?connectionString=a&offsetStore=kafka:x | offsetStore 'kafka:x' has no brokers",
        "travel?connectionString=a&offsetStore=RAW(file:) | offsetStore 'file:' has no path"
      })
  void aWrongOptionIsNamedWhenTheEndpointIsMade(String rest, String words) {
    assertThatThrownBy(() -> endpoint(rest)).hasStackTraceContaining(words);
  }

  @Test
  void endpointsThatNameTheSameOffsetStoreShareIt() {
    String kafka = "RAW(kafka:t?brokers=h:1&security.protocol=SSL)";
    assertThat(offsetStore("memory:")).isSameAs(offsetStore("memory:"));
    assertThat(
            endpoint("travel?connectionString=a&offsetStore=").getConfiguration().getOffsetStore())
        .isNull();
    assertThat(offsetStore("memory:other")).isNotSameAs(offsetStore("memory:"));
    assertThat(offsetStore("file:/no/such/offsets.json"))
        .isInstanceOf(FileOffsetStore.class)
        .isSameAs(offsetStore("RAW(file:///no/such/../such/offsets.json)"));
    assertThat(offsetStore(kafka))
        .isInstanceOf(KafkaTopicOffsetStore.class)
        .isSameAs(offsetStore("RAW(kafka:t?security.protocol=SSL&brokers=h:1)"))
        .isNotSameAs(offsetStore("kafka:t?brokers=h:1"));
    assertThat(offsetStore("RAW(kafka:t?brokers=h:1&sasl.jaas.config=${file:/etc/kafka:jaas})"))
        .isInstanceOf(KafkaTopicOffsetStore.class);
  }

  private static SharedOffsetStore offsetStore(String uri) {
    return endpoint("travel?connectionString=a&offsetStore=" + uri).offsetStore();
  }

  @Test
  void itOnlyReads() {
    assertThatThrownBy(() -> endpoint("travel?connectionString=localhost").createProducer())
        .hasMessageContaining("only reads");
  }

  @Test
  void everyOptionAndHeaderIsDocumentedAndSecretsAreMarked() throws Exception {
    JsonNode metadata;
    try (InputStream json =
        getClass().getResourceAsStream("/META-INF/dev/caravan/component/couchbase-dcp.json")) {
      metadata = new ObjectMapper().readTree(json);
    }
    List<String> secrets = new ArrayList<>();
    for (String section : List.of("componentProperties", "properties", "headers")) {
      assertThat(metadata.path(section)).isNotEmpty();
      metadata
          .path(section)
          .properties()
          .forEach(
              option -> {
                assertThat(option.getValue().path("description").asText())
                    .as(option.getKey())
                    .hasSizeGreaterThan(10);
                if (option.getValue().path("secret").asBoolean()) {
                  secrets.add(option.getKey());
                }
              });
    }
    assertThat(secrets).containsOnly("username", "password");
    assertThat(metadata.path("properties").path("connectionString").path("required").asBoolean())
        .isTrue();
    assertThat(metadata.path("component").path("consumerOnly").asBoolean()).isTrue();
    assertThat(
            metadata.path("headers").path("CamelCouchbaseDcpDocumentId").path("javaType").asText())
        .isEqualTo("String");
  }

  @Test
  void optionsOfTheUriOverrideThoseOfABean() {
    CouchbaseDcpConfiguration bean = new CouchbaseDcpConfiguration();
    bean.setConnectionString("couchbase://bean");
    bean.setBatchSize(7);
    bean.setMaxInFlight(9);
    context.getRegistry().bind("options", bean);

    CouchbaseDcpEndpoint endpoint = endpoint("b?configuration=#bean:options&batchSize=8");

    assertThat(endpoint.getConfiguration())
        .returns("couchbase://bean", CouchbaseDcpConfiguration::getConnectionString)
        .returns(8, CouchbaseDcpConfiguration::getBatchSize)
        .returns(9, CouchbaseDcpConfiguration::getMaxInFlight);
    // Two endpoints never share a configuration.
    assertThat(bean.getBatchSize()).isEqualTo(7);
  }
}
