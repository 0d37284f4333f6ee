// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import org.jspecify.annotations.Nullable;

/**
 * A record of the offsets topic, as Kafka Connect and the official Couchbase connector write it:
 * the key is an {@link OffsetKey}, the value an offset, see {@link OffsetJson}.
 *
 * @param generation of the configuration that alone may use the offset; null if any may
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
      throw new IllegalStateException("A tree of strings and numbers can't be written", e);
    }
  }
}
