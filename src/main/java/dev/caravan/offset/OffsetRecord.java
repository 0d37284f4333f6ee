// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import org.jspecify.annotations.Nullable;

/**
 * A record of the offsets topic, in the format of Kafka Connect and the official Couchbase
 * connector. See {@link OffsetKey} for the key and {@link OffsetJson} for the value.
 *
 * @param generation the config generation to which the offset belongs; null for none
 */
record OffsetRecord(OffsetKey place, Offset offset, @Nullable Long generation) {
  private static final ObjectMapper JSON = new ObjectMapper();

  byte[] key() {
    ArrayNode key = JSON.createArrayNode().add(place.connector());
    key.addObject()
        .put(OffsetKey.BUCKET, place.bucket())
        .put(OffsetKey.PARTITION, Integer.toString(place.vbucket()));
    return bytes(key);
  }

  byte[] value() {
    return bytes(OffsetJson.write(offset, generation));
  }

  private static byte[] bytes(JsonNode node) {
    try {
      return JSON.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(
          "A tree of strings and numbers cannot be written as JSON.", e);
    }
  }
}
