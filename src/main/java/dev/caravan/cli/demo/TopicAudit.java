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
 * Reads a topic and holds it against the demo's documents: not how many records there are, but
 * whether the last record of each document is the document as it was written.
 *
 * <p>Not thread-safe.
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
   * @param documents how many documents the demo writes
   */
  TopicAudit(String brokers, String topic, int documents) {
    this.documents = documents;
    this.seen = new BitSet(documents);
    this.right = new BitSet(documents);
    consumer = CommittedRecords.of(brokers, topic, new StringDeserializer());
  }

  /** Reads what is there, waiting for it no longer than given; returns how many records it read. */
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

  /** How many records the topic holds, as far as it was read. */
  long records() {
    return records;
  }

  /** How many records came after a first one of the same document; the demo writes each once. */
  long duplicated() {
    return duplicated;
  }

  /** How many documents have no record, or whose last record is something else. */
  int missing() {
    return documents - right.cardinality();
  }

  /** The ids of some missing documents, for a message. */
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
