// SPDX-License-Identifier: Apache-2.0
package dev.caravan.kamelet;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.Sandbox;
import dev.caravan.sandbox.kv.bucket.Bucket;
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
  void pipesABucketToTheCataloguesKafkaSinkAndGoesOnWhereItWas() throws Exception {
    try (Sandbox sandbox = Sandbox.builder().vbuckets(8).buckets(List.of("travel")).start();
        Topic topic = new Topic(sandbox.kafkaAddress(), "travel");
        Topic offsets = new Topic(sandbox.kafkaAddress(), "caravan-offsets")) {
      Bucket travel = sandbox.couchbase().bucket("travel");
      travel.upsert("airline_10", "{\"name\":\"40-Mile Air\"}");
      travel.upsert("airline_11", "{\"name\":\"Texas Wings\"}");

      Main main = start(sandbox, "couchbase-to-kafka.pipe.yaml");
      try {
        topic.awaitRecords(2);
        travel.delete("airline_10");
        Map<String, String> last = last(topic.awaitRecords(3));
        assertThat(last).containsEntry("airline_11", "{\"name\":\"Texas Wings\"}");
        assertThat(last).containsEntry("airline_10", null);
      } finally {
        main.stop();
      }
      assertThat(offsets.awaitRecords(1))
          .allMatch(
              offset -> offset.key().startsWith("[\"couchbase-to-kafka\",{\"bucket\":\"travel\","));

      travel.upsert("while-down", "1");
      main = start(sandbox, "couchbase-to-kafka.pipe.yaml");
      try {
        topic.awaitRecords(4);
        travel.upsert("last", "1");
        assertThat(topic.awaitRecords(5))
            .extracting(ConsumerRecord::key)
            .hasSize(5)
            .endsWith("while-down", "last");
      } finally {
        main.stop();
      }
    }
  }

  @Test
  void keepsOffsetsUnderTheNameOfThePipeUnlessToldOtherwise() throws Exception {
    try (Sandbox sandbox = Sandbox.builder().vbuckets(8).buckets(List.of("travel")).start();
        Topic topic = new Topic(sandbox.kafkaAddress(), "travel")) {
      sandbox.couchbase().bucket("travel").upsert("airline_10", "1");
      Path file = folder.resolve("offsets.json");
      Path pipe = folder.resolve("named.pipe.yaml");
      Files.writeString(
          pipe,
          Files.readString(Path.of("kamelets", "couchbase-to-kafka.pipe.yaml"))
              .replace("name: couchbase-to-kafka", "name: pipe-of-mine")
              .replaceAll(" +offsetKey: .*\\n", "")
              .replaceAll("RAW\\(kafka:caravan-offsets.*\\)", "RAW(file:" + file + ")"));

      Main main = start(sandbox, pipe);
      try {
        topic.awaitRecords(1);
      } finally {
        main.stop();
      }

      assertThat(Files.readString(file)).startsWith("{\"owners\":{\"pipe-of-mine\":{\"travel\":");
    }
  }

  private Main start(Sandbox sandbox, String pipe) throws Exception {
    return start(sandbox, Path.of("kamelets", pipe));
  }

  private Main start(Sandbox sandbox, Path pipe) throws Exception {
    Path here = folder.resolve("couchbase-to-kafka.pipe.yaml");
    Files.writeString(
        here,
        Files.readString(pipe)
            .replace("localhost:11210", sandbox.couchbaseAddress())
            .replace("localhost:9092", sandbox.kafkaAddress()));
    Main main = new Main();
    main.configure().withRoutesIncludePattern("file:" + here);
    main.addInitialProperty("camel.component.kamelet.location", "file:kamelets,classpath:kamelets");
    main.addInitialProperty("couchbase.password", "password");
    main.start();
    return main;
  }

  private static Map<String, String> last(List<ConsumerRecord<String, byte[]>> records) {
    Map<String, String> last = new TreeMap<>();
    records.forEach(record -> last.put(record.key(), text(record.value())));
    return last;
  }

  private static String text(byte[] value) {
    return value == null ? null : new String(value, UTF_8);
  }
}
