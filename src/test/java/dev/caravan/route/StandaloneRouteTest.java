// SPDX-License-Identifier: Apache-2.0
package dev.caravan.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.type;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.component.CouchbaseDcpConfiguration;
import dev.caravan.component.CouchbaseDcpEndpoint;
import dev.caravan.offset.FileOffsetStore;
import dev.caravan.sandbox.Sandbox;
import dev.caravan.stream.settings.StreamFrom;
import dev.caravan.testkit.Topic;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.camel.main.Main;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** routes/standalone.camel.yaml, run by camel-main from properties alone. */
class StandaloneRouteTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private static Path directory;

  private static Sandbox sandbox;

  @BeforeAll
  static void start() throws Exception {
    sandbox =
        Sandbox.builder()
            .vbuckets(16)
            .buckets(List.of("travel", "throttled", "in-file", "in-kafka"))
            .start();
  }

  @AfterAll
  static void stop() {
    sandbox.close();
  }

  static Stream<Arguments> routes() {
    return Stream.of(arguments("travel", "0"), arguments("throttled", "500"));
  }

  @ParameterizedTest(name = "bucket {0} at {1} documents a second")
  @MethodSource("routes")
  void streamsABucketIntoATopicWithoutAWorker(String bucket, String drainRate) throws Exception {
    IntStream.range(0, 100)
        .forEach(
            i ->
                sandbox
                    .couchbase()
                    .bucket(bucket)
                    .upsert("airline_" + i, "{\"number\":" + i + "}"));
    sandbox.couchbase().bucket(bucket).delete("airline_7");

    Main main = standalone(bucket, "memory:");
    main.addInitialProperty("dcp.maximum.drainrate", drainRate);
    main.start();
    try (Topic topic = new Topic(sandbox.kafkaAddress(), "standalone-" + bucket)) {
      List<ConsumerRecord<String, byte[]>> records = topic.awaitRecords(100);

      assertThat(records).hasSize(100);
      for (ConsumerRecord<String, byte[]> record : records) {
        if (record.key().equals("airline_7")) {
          assertThat(record.value()).isNull();
        } else {
          int number = Integer.parseInt(record.key().substring("airline_".length()));
          assertThat(JSON.readTree(record.value()))
              .isEqualTo(
                  JSON.readTree(
                      """
                      {"bucket": "%s", "document": "airline_%d", "body": {"number": %d}}
                      """
                          .formatted(bucket, number, number)));
        }
      }
    } finally {
      main.stop();
    }
  }

  private static Main standalone(String bucket, String offsetStore) {
    Main main = standalone(bucket);
    main.addInitialProperty("offsets.store", offsetStore);
    return main;
  }

  private static Main standalone(String bucket) {
    Main main = new Main();
    main.configure().withRoutesIncludePattern("file:routes/standalone.camel.yaml");
    main.addInitialProperty("couchbase.nodes", sandbox.couchbaseAddress());
    main.addInitialProperty("couchbase.bucket", bucket);
    main.addInitialProperty("couchbase.username", "Administrator");
    main.addInitialProperty("couchbase.password", "password");
    main.addInitialProperty("topic", "standalone-");
    main.addInitialProperty("kafka.brokers", sandbox.kafkaAddress());
    return main;
  }

  static Stream<Arguments> offsetStores() {
    return Stream.of(
        arguments("in-file", "file:" + directory.resolve("offsets.json")),
        arguments("in-kafka", "kafka:standalone-offsets?brokers=" + sandbox.kafkaAddress()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("offsetStores")
  void goesOnWhereItWasWhenItIsStartedAgain(String bucket, String offsetStore) throws Exception {
    sandbox.couchbase().bucket(bucket).load(500, 100);
    try (Topic topic = new Topic(sandbox.kafkaAddress(), "standalone-" + bucket)) {
      run(bucket, offsetStore, topic, 500);
      for (int i = 0; i < 100; i++) {
        sandbox.couchbase().bucket(bucket).upsert("while-down-" + i, "1");
      }

      run(bucket, offsetStore, topic, 600);
      sandbox.couchbase().bucket(bucket).upsert("last", "1");
      List<ConsumerRecord<String, byte[]>> records = run(bucket, offsetStore, topic, 601);

      assertThat(records.stream().map(ConsumerRecord::key))
          .hasSize(601)
          .doesNotHaveDuplicates()
          .contains("while-down-0", "while-down-99")
          .endsWith("last");
    }
  }

  private static List<ConsumerRecord<String, byte[]>> run(
      String bucket, String offsetStore, Topic topic, int records) throws Exception {
    Main main = standalone(bucket, offsetStore);
    main.start();
    try {
      return topic.awaitRecords(records);
    } finally {
      main.stop();
    }
  }

  @Test
  void theDefaultsAreAFileAndTheTopicsNameAsTheKey() throws Exception {
    Main main = standalone("travel");
    main.addInitialProperty("camel.main.autoStartup", "false");
    main.start();
    try {
      assertThat(main.getCamelContext().getEndpoints())
          .filteredOn(endpoint -> endpoint instanceof CouchbaseDcpEndpoint)
          .singleElement(type(CouchbaseDcpEndpoint.class))
          .satisfies(
              endpoint -> {
                CouchbaseDcpConfiguration options = endpoint.getConfiguration();
                assertThat(options.getStreamFrom()).isEqualTo(StreamFrom.SAVED_OR_BEGINNING);
                assertThat(options.getOffsetStore()).isInstanceOf(FileOffsetStore.class);
                assertThat(options.getOffsetKey()).isEqualTo("standalone-travel");
              });
    } finally {
      main.stop();
    }
  }
}
