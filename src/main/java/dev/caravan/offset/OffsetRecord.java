// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A record of the offsets topic, as Kafka Connect and the official Couchbase connector write it:
 *
 * <pre>
 * key    ["connector",{"bucket":"travel","partition":"17"}]
 * value  an offset, see {@link OffsetJson}
 * </pre>
 *
 * A null value deletes the offset.
 *
 * @param connector the connector that wrote it
 * @param bucket the bucket, {@code partition} its vBucket
 * @param offset null where there is none any more
 * @param generation of the configuration that alone may use the offset; null if any may
 */
record OffsetRecord(
    String connector,
    String bucket,
    int vbucket,
    @Nullable Offset offset,
    @Nullable Long generation) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String BUCKET = "bucket";
  private static final String PARTITION = "partition";

  byte[] key() {
    ArrayNode key = JSON.createArrayNode().add(connector);
    key.addObject().put(BUCKET, bucket).put(PARTITION, Integer.toString(vbucket));
    return bytes(key);
  }

  byte @Nullable [] value() {
    return offset == null ? null : bytes(OffsetJson.write(offset, generation));
  }

  /**
   * Reads a record, whoever wrote it.
   *
   * @throws IOException if it is no such record; the message says why
   */
  static OffsetRecord parse(byte[] key, byte @Nullable [] value) throws IOException {
    JsonNode parsed = JSON.readTree(key);
    JsonNode partition = parsed.path(1).path(PARTITION);
    if (!parsed.path(0).isTextual() || !parsed.path(1).path(BUCKET).isTextual()) {
      throw new IOException("the key is not [\"connector\",{\"bucket\":..,\"partition\":..}]");
    }
    int vbucket = partition.asInt(-1);
    if (vbucket < 0) {
      throw new IOException("the partition " + partition + " is not the number of a vBucket");
    }
    JsonNode offset = value == null ? null : JSON.readTree(value);
    return new OffsetRecord(
        parsed.path(0).textValue(),
        parsed.path(1).path(BUCKET).textValue(),
        vbucket,
        offset == null ? null : OffsetJson.read(offset),
        offset == null ? null : OffsetJson.readGeneration(offset));
  }

  private static byte[] bytes(JsonNode node) {
    try {
      return JSON.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A tree of strings and numbers can't be written", e);
    }
  }
}
