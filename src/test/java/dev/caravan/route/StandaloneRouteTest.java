// SPDX-License-Identifier: Apache-2.0
package dev.caravan.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.sandbox.Sandbox;
import dev.caravan.testkit.Topic;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.camel.main.Main;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** routes/standalone.camel.yaml, run by camel-main from properties alone. */
class StandaloneRouteTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Sandbox sandbox;

  @BeforeAll
  static void start() throws Exception {
    sandbox = Sandbox.builder().vbuckets(16).buckets(List.of("travel", "throttled")).start();
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

    Main main = new Main();
    main.configure().withRoutesIncludePattern("file:routes/standalone.camel.yaml");
    main.addInitialProperty("couchbase.nodes", sandbox.couchbaseAddress());
    main.addInitialProperty("couchbase.bucket", bucket);
    main.addInitialProperty("couchbase.username", "Administrator");
    main.addInitialProperty("couchbase.password", "password");
    main.addInitialProperty("topic", "standalone-");
    main.addInitialProperty("dcp.maximum.drainrate", drainRate);
    main.addInitialProperty("kafka.brokers", sandbox.kafkaAddress());
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
}
