// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import dev.caravan.component.CouchbaseDcpMessage;
import dev.caravan.component.CouchbaseDcpRollbackMessage;
import dev.caravan.component.EventType;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Converts the messages of couchbase-dcp to Kafka records, as a step of a route. The key is the
 * document id, the topic is {@code <prefix><bucket>}, and a {@link RecordFormat} writes the value.
 * A deletion or an expiration becomes a tombstone.
 *
 * <p>An exchange has one change, or a list of changes as its body. The kafka endpoint needs
 * byte-array serializers for key and value, and {@code batchWithIndividualHeaders} for lists.
 * Immutable and safe for use by several threads.
 */
public final class RecordConverter implements Processor {
  /** The record header with the encoding of a document that is not JSON. */
  public static final String ENCODING_HEADER = "caravan.body.encoding";

  private static final Logger LOG = LoggerFactory.getLogger(RecordConverter.class);
  private static final String STAGE = "VALUE_CONVERTER";

  /** Records of the dead letter queue have all headers. */
  private static final RecordHeaders ALL_HEADERS =
      new RecordHeaders(RecordHeaders.DEFAULT_PREFIX, List.of(RecordHeader.values()));

  private final String topicPrefix;
  private final RecordFormat format;
  private final RecordHeaders headers;
  private final @Nullable String operationsTopic;
  private final @Nullable DeadLetterQueue deadLetterQueue;
  private final Map<String, String> topics = new ConcurrentHashMap<>();

  /**
   * Creates a converter without an operations topic and without a dead letter queue.
   *
   * @param topicPrefix the prefix of the topic's name, before the bucket's name; may be empty
   * @param format writes the values
   * @param headers the headers of each record
   */
  public RecordConverter(String topicPrefix, RecordFormat format, RecordHeaders headers) {
    this(topicPrefix, format, headers, null, null);
  }

  private RecordConverter(
      String topicPrefix,
      RecordFormat format,
      RecordHeaders headers,
      @Nullable String operationsTopic,
      @Nullable DeadLetterQueue deadLetterQueue) {
    this.topicPrefix = requireNonNull(topicPrefix, "topicPrefix is null");
    this.format = requireNonNull(format, "format is null");
    this.headers = requireNonNull(headers, "headers is null");
    this.operationsTopic = operationsTopic;
    this.deadLetterQueue = deadLetterQueue;
  }

  /** Creates a converter to JSON with the fields bucket, document and body; see DocumentJson. */
  public RecordConverter(String topicPrefix) {
    this(topicPrefix, new DocumentJson(), RecordHeaders.NONE);
  }

  /** Returns a copy that converts each rollback to a {@link RollbackRecord} of this topic. */
  public RecordConverter withOperationsTopic(String topic) {
    return new RecordConverter(topicPrefix, format, headers, topic, deadLetterQueue);
  }

  /** Returns a copy that sends documents that cannot be converted to a dead letter queue. */
  public RecordConverter withDeadLetterQueue(DeadLetterQueue queue) {
    return new RecordConverter(topicPrefix, format, headers, operationsTopic, queue);
  }

  /**
   * Replaces the message, or the elements of its list, by records. An exchange that has no record
   * left stops.
   *
   * @throws IllegalArgumentException if a document cannot be converted and there is no dead letter
   *     queue, or if the message does not come from couchbase-dcp
   * @throws UncheckedIOException if the schema registry cannot be reached or refuses the schema
   */
  @Override
  public void process(Exchange exchange) {
    Message message = exchange.getMessage();
    if (message instanceof CouchbaseDcpMessage || message instanceof CouchbaseDcpRollbackMessage) {
      KafkaRecord record = record(message);
      if (record == null) {
        exchange.setRouteStop(true);
      } else {
        exchange.setMessage(record);
      }
      return;
    }
    if (!(message.getBody() instanceof List<?> changes)) {
      throw new IllegalArgumentException(
          "The record converter takes messages of couchbase-dcp, not \""
              + message.getClass().getName()
              + "\". Put it directly after the couchbase-dcp endpoint and its throttle.");
    }
    List<Message> records = new ArrayList<>(changes.size());
    for (Object change : changes) {
      KafkaRecord record = record(change);
      if (record != null) {
        records.add(record);
      }
    }
    message.setBody(records);
    exchange.setRouteStop(records.isEmpty());
  }

  /** Returns the record, or null if the change is skipped. */
  private @Nullable KafkaRecord record(Object message) {
    if (message instanceof CouchbaseDcpRollbackMessage rollback) {
      if (operationsTopic == null) {
        throw new IllegalArgumentException(
            "The record converter has no operations topic for a rollback. Set one, or remove"
                + " rollbackEvents from the couchbase-dcp endpoint.");
      }
      return RollbackRecord.of(rollback, operationsTopic);
    }
    return convert((CouchbaseDcpMessage) message);
  }

  private @Nullable KafkaRecord convert(CouchbaseDcpMessage change) {
    String topic = topics.computeIfAbsent(change.getBucket(), topicPrefix::concat);
    byte[] key = change.getDocumentId().getBytes(UTF_8);
    if (change.getEventType() != EventType.MUTATION) {
      return new KafkaRecord(change.getCamelContext(), topic, key, null, headers.of(change, null));
    }
    RecordFormat.Value value;
    try {
      value = format.write(change, topic);
    } catch (UncheckedIOException e) {
      // The document is not the cause: the registry cannot be reached, or refuses the schema.
      throw e;
    } catch (RuntimeException | StackOverflowError e) {
      return unconvertible(change, key, e);
    }
    return new KafkaRecord(
        change.getCamelContext(), topic, key, value.bytes(), headers.of(change, value.encoding()));
  }

  private @Nullable KafkaRecord unconvertible(
      CouchbaseDcpMessage change, byte[] key, Throwable failure) {
    String message =
        "Document \""
            + change.getDocumentId()
            + "\" (bucket \""
            + change.getBucket()
            + "\", vBucket "
            + change.getVbucket()
            + ", seqno "
            + Long.toUnsignedString(change.getSeqno())
            + ") cannot be converted to a record";
    DeadLetterQueue queue = deadLetterQueue;
    if (queue == null) {
      throw new IllegalArgumentException(message + ": " + failure, failure);
    }
    LOG.warn(
        "{}, and is {}: {}",
        message,
        queue.hasTopic() ? "sent to topic \"" + queue.topic() + '"' : "skipped",
        failure.toString());
    if (!queue.hasTopic()) {
      return null;
    }
    Map<String, Object> all = new HashMap<>(ALL_HEADERS.of(change, null));
    all.putAll(queue.errorHeaders(STAGE, failure));
    return new KafkaRecord(change.getCamelContext(), queue.topic(), key, original(change), all);
  }

  /** Returns the document without conversion, or null if it cannot be read. */
  private static byte @Nullable [] original(CouchbaseDcpMessage change) {
    try {
      return change.getBody(byte[].class);
    } catch (RuntimeException e) {
      LOG.debug("The document cannot be read", e);
      return null;
    }
  }
}
