// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import java.util.HashMap;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.component.kafka.KafkaConstants;
import org.apache.camel.support.DefaultMessage;
import org.jspecify.annotations.Nullable;

/**
 * A Camel message that camel-kafka sends as a Kafka record. Its key and topic are fields, which
 * camel-kafka reads as the headers {@link KafkaConstants#KEY} and {@link
 * KafkaConstants#OVERRIDE_TOPIC}. All other headers become headers of the Kafka record.
 *
 * <p>A batch holds hundreds of records. A header map per record, which a plain message needs for
 * its key, would cost more than the rest of the route. Not thread-safe.
 */
public final class KafkaRecord extends DefaultMessage {
  private final Map<String, Object> recordHeaders;
  private @Nullable Object key;
  private @Nullable Object topic;

  /**
   * @param context the context of the exchange
   * @param topic the topic of the record
   * @param key the key of the record
   * @param value the value of the record; null for a tombstone
   * @param recordHeaders the headers of the Kafka record
   */
  KafkaRecord(
      CamelContext context,
      String topic,
      byte[] key,
      byte @Nullable [] value,
      Map<String, Object> recordHeaders) {
    super(context);
    this.topic = topic;
    this.key = key;
    this.recordHeaders = recordHeaders;
    setBody(value);
  }

  private KafkaRecord(KafkaRecord original) {
    super(original.getCamelContext());
    this.topic = original.topic;
    this.key = original.key;
    this.recordHeaders = original.recordHeaders;
  }

  @Override
  public @Nullable Object getHeader(String name) {
    return switch (name) {
      case KafkaConstants.KEY -> key;
      case KafkaConstants.OVERRIDE_TOPIC -> topic;
      default -> super.getHeader(name);
    };
  }

  @Override
  public <T> @Nullable T getHeader(String name, Class<T> type) {
    return switch (name) {
      case KafkaConstants.KEY -> convert(key, type);
      case KafkaConstants.OVERRIDE_TOPIC -> convert(topic, type);
      default -> super.getHeader(name, type);
    };
  }

  @Override
  public void setHeader(String name, @Nullable Object value) {
    switch (name) {
      case KafkaConstants.KEY -> key = value;
      case KafkaConstants.OVERRIDE_TOPIC -> topic = value;
      default -> super.setHeader(name, value);
    }
  }

  @Override
  public @Nullable Object removeHeader(String name) {
    Object previous;
    switch (name) {
      case KafkaConstants.KEY -> {
        previous = key;
        key = null;
      }
      case KafkaConstants.OVERRIDE_TOPIC -> {
        previous = topic;
        topic = null;
      }
      default -> previous = super.removeHeader(name);
    }
    return previous;
  }

  /** Called by the super class at the first access to a header that is not a field. */
  @Override
  protected Map<String, Object> createHeaders() {
    return new HashMap<>(recordHeaders);
  }

  @Override
  public DefaultMessage newInstance() {
    return new KafkaRecord(this);
  }

  private <T> @Nullable T convert(@Nullable Object value, Class<T> type) {
    return value == null ? null : getCamelContext().getTypeConverter().convertTo(type, value);
  }
}
