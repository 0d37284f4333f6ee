// SPDX-License-Identifier: Apache-2.0
package dev.caravan.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.AbstractMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** A recording of an internal topic of Kafka Connect, see resources/official-connector. */
public final class RecordedTopic {
  private static final Pattern LINE =
      Pattern.compile("\\d+@\\d+ key='(.*)' value=(?:'(.*)'|null) ts=CreateTime");

  private final List<Map.Entry<String, String>> records;

  private RecordedTopic(List<Map.Entry<String, String>> records) {
    this.records = records;
  }

  /** Reads the configs, offsets or status topic. */
  public static RecordedTopic read(String name) throws IOException {
    String resource = "/official-connector/topic-" + name + ".txt";
    List<Map.Entry<String, String>> records = new ArrayList<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(RecordedTopic.class.getResourceAsStream(resource)),
                UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        Matcher record = LINE.matcher(line);
        if (!record.matches()) {
          throw new IOException(resource + " has a line of another form: " + line);
        }
        records.add(new AbstractMap.SimpleEntry<>(record.group(1), record.group(2)));
      }
    }
    return new RecordedTopic(records);
  }

  /** Keys and values, null for a tombstone, in the order of the recording. */
  public List<Map.Entry<String, String>> records() {
    return records;
  }

  /** Writes the records to a topic, in their order. */
  public void writeTo(String brokers, String topic) throws Exception {
    try (KafkaProducer<String, String> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", brokers), new StringSerializer(), new StringSerializer())) {
      for (Map.Entry<String, String> record : records) {
        producer
            .send(new ProducerRecord<>(topic, record.getKey(), record.getValue()))
            .get(30, TimeUnit.SECONDS);
      }
    }
  }
}
