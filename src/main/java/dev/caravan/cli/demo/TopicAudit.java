// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.cli.process.CommittedRecords;
import java.io.IOException;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Compares the records of a topic with the demo's documents. The last record of each document must
 * have the document's content. Not thread-safe.
 */
final class TopicAudit implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final KafkaConsumer<String, byte[]> consumer;
  private final int documents;
  private final BitSet seen;
  private final BitSet right;
  private long records;
  private long duplicated;

  /**
   * @param documents the number of documents that the demo writes
   */
  TopicAudit(String brokers, String topic, int documents) {
    this.documents = documents;
    this.seen = new BitSet(documents);
    this.right = new BitSet(documents);
    consumer = CommittedRecords.of(brokers, topic, new StringDeserializer());
  }

  /** Reads once from Kafka, waiting at most this long. Returns the number of records. */
  int read(Duration wait) {
    int count = 0;
    for (ConsumerRecord<String, byte[]> record : consumer.poll(wait)) {
      check(record);
      count++;
    }
    return count;
  }

  private void check(ConsumerRecord<String, byte[]> record) {
    records++;
    int number = DemoDocuments.number(record.key());
    if (number < 0 || number >= documents) {
      return;
    }
    if (seen.get(number)) {
      duplicated++;
    }
    seen.set(number);
    right.set(number, isDocument(number, record.value()));
  }

  private static boolean isDocument(int number, byte[] value) {
    if (value == null) {
      return false;
    }
    try {
      JsonNode record = JSON.readTree(value);
      return record.path("document").asText().equals(DemoDocuments.id(number))
          && record.path("body").equals(JSON.valueToTree(DemoDocuments.document(number)));
    } catch (IOException e) {
      return false;
    }
  }

  /** The number of records read. */
  long records() {
    return records;
  }

  /** The number of records after the first of the same document. The demo writes each once. */
  long duplicated() {
    return duplicated;
  }

  /** The number of documents without a record, or with other content in their last record. */
  int missing() {
    return documents - right.cardinality();
  }

  /** The ids of some missing documents. */
  List<String> someMissing(int atMost) {
    return IntStream.range(0, documents)
        .filter(number -> !right.get(number))
        .limit(atMost)
        .mapToObj(DemoDocuments::id)
        .toList();
  }

  @Override
  public void close() {
    consumer.close(Duration.ofSeconds(5));
  }
}
