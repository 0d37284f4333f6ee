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
 * The step of a route that turns what couchbase-dcp consumed into Kafka records: the document id
 * becomes the key, {@code <prefix><bucket>} the topic, and the value is written by a {@link
 * RecordFormat}. A deletion or an expiration becomes a tombstone.
 *
 * <p>It takes an exchange with one change as well as one whose body is a list of changes, and needs
 * byte-array serializers for key and value at the kafka endpoint, and {@code
 * batchWithIndividualHeaders} for lists. Safe for use by several threads.
 */
public final class RecordShaper implements Processor {
  /** The header of a Kafka record which tells how a document that is not JSON is encoded. */
  public static final String ENCODING_HEADER = "caravan.body.encoding";

  private static final Logger LOG = LoggerFactory.getLogger(RecordShaper.class);
  private static final String STAGE = "VALUE_CONVERTER";

  /** A dead letter tells all that there is to tell. */
  private static final RecordHeaders EVERY_HEADER =
      new RecordHeaders(RecordHeaders.DEFAULT_PREFIX, List.of(RecordHeader.values()));

  private final String topicPrefix;
  private final RecordFormat format;
  private final RecordHeaders headers;
  private final @Nullable String operationsTopic;
  private final @Nullable DeadLetters deadLetters;
  private final Map<String, String> topics = new ConcurrentHashMap<>();

  /**
   * @param topicPrefix what stands before the bucket's name in the topic's name; may be empty
   * @param format how values are written
   * @param headers what the headers of the Kafka records tell
   */
  public RecordShaper(String topicPrefix, RecordFormat format, RecordHeaders headers) {
    this(topicPrefix, format, headers, null, null);
  }

  private RecordShaper(
      String topicPrefix,
      RecordFormat format,
      RecordHeaders headers,
      @Nullable String operationsTopic,
      @Nullable DeadLetters deadLetters) {
    this.topicPrefix = requireNonNull(topicPrefix, "topicPrefix is null");
    this.format = requireNonNull(format, "format is null");
    this.headers = requireNonNull(headers, "headers is null");
    this.operationsTopic = operationsTopic;
    this.deadLetters = deadLetters;
  }

  /** Shapes records as JSON with the fields bucket, document and body. */
  public RecordShaper(String topicPrefix) {
    this(topicPrefix, new DocumentJson(), RecordHeaders.NONE);
  }

  /** The same, and a rollback becomes a record of this topic; see {@link RollbackRecord}. */
  public RecordShaper withOperationsTopic(String topic) {
    return new RecordShaper(topicPrefix, format, headers, topic, deadLetters);
  }

  /** The same, and a document that can't be made a record doesn't fail the exchange. */
  public RecordShaper withDeadLetters(DeadLetters letters) {
    return new RecordShaper(topicPrefix, format, headers, operationsTopic, letters);
  }

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
          "The record shaper takes what couchbase-dcp consumed, not "
              + message.getClass().getName()
              + ": put it right after the couchbase-dcp endpoint (and its throttle)");
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

  /** Returns the record, or null if the change is to be left out. */
  private @Nullable KafkaRecord record(Object message) {
    if (message instanceof CouchbaseDcpRollbackMessage rollback) {
      if (operationsTopic == null) {
        throw new IllegalArgumentException(
            "The record shaper has no operations topic for a rollback: give it one, or leave"
                + " rollbackEvents of the couchbase-dcp endpoint off");
      }
      return RollbackRecord.of(rollback, operationsTopic);
    }
    return shape((CouchbaseDcpMessage) message);
  }

  private @Nullable KafkaRecord shape(CouchbaseDcpMessage change) {
    String topic = topics.computeIfAbsent(change.getBucket(), topicPrefix::concat);
    byte[] key = change.getDocumentId().getBytes(UTF_8);
    if (change.getEventType() != EventType.MUTATION) {
      return new KafkaRecord(change.getCamelContext(), topic, key, null, headers.of(change, null));
    }
    RecordFormat.Value value;
    try {
      value = format.write(change, topic);
    } catch (UncheckedIOException e) {
      // Not the document's fault: the registry can't be reached, or refuses the schema.
      throw e;
    } catch (RuntimeException | StackOverflowError e) {
      return unshapable(change, key, e);
    }
    return new KafkaRecord(
        change.getCamelContext(), topic, key, value.bytes(), headers.of(change, value.encoding()));
  }

  private @Nullable KafkaRecord unshapable(
      CouchbaseDcpMessage change, byte[] key, Throwable failure) {
    String what =
        "Document '"
            + change.getDocumentId()
            + "' (bucket '"
            + change.getBucket()
            + "', vBucket "
            + change.getVbucket()
            + ", seqno "
            + Long.toUnsignedString(change.getSeqno())
            + ") can't be made a record";
    DeadLetters letters = deadLetters;
    if (letters == null) {
      throw new IllegalArgumentException(what + ": " + failure, failure);
    }
    LOG.warn(
        "{}, and goes {}: {}",
        what,
        letters.hasTopic() ? "to " + letters.topic() : "nowhere",
        failure.toString());
    if (!letters.hasTopic()) {
      return null;
    }
    Map<String, Object> reason = new HashMap<>(EVERY_HEADER.of(change, null));
    reason.putAll(letters.reason(STAGE, failure));
    return new KafkaRecord(
        change.getCamelContext(), letters.topic(), key, original(change), reason);
  }

  /** The document as it is, if there is a way to get at it. */
  private static byte @Nullable [] original(CouchbaseDcpMessage change) {
    try {
      return change.getBody(byte[].class);
    } catch (RuntimeException e) {
      LOG.debug("The document can't be read, either", e);
      return null;
    }
  }
}
