// SPDX-License-Identifier: Apache-2.0
package dev.caravan.kamelet;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.Sandbox;
import dev.caravan.testkit.Topic;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.camel.main.Main;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Kamelet in a Pipe to the catalogue's kafka-sink, both as they are. */
class PipeTest {
  @TempDir private Path folder;

  @Test
  void pipesABucketToTheCataloguesKafkaSink() throws Exception {
    try (Sandbox sandbox = Sandbox.builder().vbuckets(8).buckets(List.of("travel")).start()) {
      sandbox.couchbase().bucket("travel").upsert("airline_10", "{\"name\":\"40-Mile Air\"}");
      sandbox.couchbase().bucket("travel").upsert("airline_11", "{\"name\":\"Texas Wings\"}");

      Path pipe = folder.resolve("couchbase-to-kafka.pipe.yaml");
      Files.writeString(
          pipe,
          Files.readString(Path.of("kamelets", "couchbase-to-kafka.pipe.yaml"))
              .replace("localhost:11210", sandbox.couchbaseAddress())
              .replace("localhost:9092", sandbox.kafkaAddress()));

      Main main = new Main();
      main.configure().withRoutesIncludePattern("file:" + pipe);
      main.addInitialProperty(
          "camel.component.kamelet.location", "file:kamelets,classpath:kamelets");
      main.addInitialProperty("couchbase.password", "password");
      main.start();
      try (Topic topic = new Topic(sandbox.kafkaAddress(), "travel")) {
        topic.awaitRecords(2);
        sandbox.couchbase().bucket("travel").delete("airline_10");
        List<ConsumerRecord<String, byte[]>> records = topic.awaitRecords(3);

        Map<String, String> last = new TreeMap<>();
        records.forEach(record -> last.put(record.key(), text(record.value())));
        assertThat(last).containsEntry("airline_11", "{\"name\":\"Texas Wings\"}");
        assertThat(last).containsEntry("airline_10", null);
      } finally {
        main.stop();
      }
    }
  }

  private static String text(byte[] value) {
    return value == null ? null : new String(value, UTF_8);
  }
}
