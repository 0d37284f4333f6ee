// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A record of the offsets topic, as Kafka Connect and the official Couchbase connector write it:
 *
 * <pre>
 * key    ["connector",{"bucket":"travel","partition":"17"}]
 * value  {"vbuuid":1,"collectionsManifestUid":5,"snapshotEndSeqno":19,"bySeqno":19,"snapshotStartSeqno":0}
 * </pre>
 *
 * A null value deletes the offset.
 *
 * @param connector the connector that wrote it
 * @param bucket the bucket, {@code partition} its vBucket
 * @param offset null where there is none any more
 */
record OffsetRecord(String connector, String bucket, int vbucket, @Nullable Offset offset) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String BUCKET = "bucket";
  private static final String PARTITION = "partition";
  private static final String VBUUID = "vbuuid";
  private static final String SEQNO = "bySeqno";
  private static final String SNAPSHOT_START = "snapshotStartSeqno";
  private static final String SNAPSHOT_END = "snapshotEndSeqno";
  private static final String MANIFEST = "collectionsManifestUid";

  byte[] key() {
    ArrayNode key = JSON.createArrayNode().add(connector);
    key.addObject().put(BUCKET, bucket).put(PARTITION, Integer.toString(vbucket));
    return bytes(key);
  }

  byte @Nullable [] value() {
    if (offset == null) {
      return null;
    }
    ObjectNode value =
        JSON.createObjectNode()
            .put(VBUUID, offset.vbuuid())
            .put(MANIFEST, offset.collectionsManifestUid())
            .put(SNAPSHOT_END, offset.snapshotEndSeqno())
            .put(SEQNO, offset.bySeqno())
            .put(SNAPSHOT_START, offset.snapshotStartSeqno());
    return bytes(value);
  }

  /**
   * Reads a record, whoever wrote it. Only {@code bySeqno} has to be there: where the snapshot is
   * missing, it is the seqno itself.
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
    return new OffsetRecord(
        parsed.path(0).textValue(),
        parsed.path(1).path(BUCKET).textValue(),
        vbucket,
        value == null ? null : offset(JSON.readTree(value)));
  }

  private static Offset offset(JsonNode value) throws IOException {
    if (!value.path(SEQNO).isIntegralNumber()) {
      throw new IOException("the value has no number " + SEQNO);
    }
    long seqno = value.path(SEQNO).longValue();
    return new Offset(
        value.path(VBUUID).asLong(),
        seqno,
        value.path(SNAPSHOT_START).asLong(seqno),
        value.path(SNAPSHOT_END).asLong(seqno),
        value.path(MANIFEST).asLong());
  }

  private static byte[] bytes(JsonNode node) {
    try {
      return JSON.writeValueAsBytes(node);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("A tree of strings and numbers can't be written", e);
    }
  }
}
