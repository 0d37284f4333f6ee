// SPDX-License-Identifier: Apache-2.0
package dev.caravan.record;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.caravan.component.CouchbaseDcpRollbackMessage;
import java.util.Map;

/**
 * Converts a rollback of a vBucket to a record of the operations topic. {@code lost} is the number
 * of published changes that Couchbase has lost.
 *
 * <pre>{@code
 * key    travel/17
 * value  {"event":"rollback","bucket":"travel","vBucket":17,
 *         "fromSeqno":120,"toSeqno":100,"oldVbuuid":71..,"newVbuuid":25..,"lost":20}
 * }</pre>
 *
 * <p>Sequence numbers and vbuuids are signed numbers, as in the offsets topic.
 */
final class RollbackRecord {
  private static final ObjectMapper JSON = new ObjectMapper();

  private RollbackRecord() {}

  static KafkaRecord of(CouchbaseDcpRollbackMessage rollback, String topic) {
    String key = rollback.getBucket() + "/" + rollback.getVbucket();
    try {
      return new KafkaRecord(
          rollback.getCamelContext(),
          topic,
          key.getBytes(UTF_8),
          JSON.writeValueAsBytes(rollback.getBody()),
          Map.of());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A map of strings and numbers cannot be written as JSON.", e);
    }
  }
}
