// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import static java.util.Objects.requireNonNullElse;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Reads and writes an offset in the format of the official Couchbase connector:
 *
 * <pre>
 * {"vbuuid":1,"collectionsManifestUid":5,"snapshotEndSeqno":19,"bySeqno":19,"snapshotStartSeqno":0}
 * </pre>
 */
final class OffsetJson {
  private static final String VBUUID = "vbuuid";
  private static final String SEQNO = "bySeqno";
  private static final String SNAPSHOT_START = "snapshotStartSeqno";
  private static final String SNAPSHOT_END = "snapshotEndSeqno";
  private static final String MANIFEST = "collectionsManifestUid";

  private static final String GENERATION = "generation";

  private static final JsonFactory JSON = new JsonFactory();

  private OffsetJson() {}

  static ObjectNode write(Offset offset) {
    return JsonNodeFactory.instance
        .objectNode()
        .put(VBUUID, offset.vbuuid())
        .put(MANIFEST, offset.collectionsManifestUid())
        .put(SNAPSHOT_END, offset.snapshotEndSeqno())
        .put(SEQNO, offset.bySeqno())
        .put(SNAPSHOT_START, offset.snapshotStartSeqno());
  }

  /**
   * Writes an offset.
   *
   * @param generation the config generation, in an additional field that other readers ignore; null
   *     for none
   */
  static ObjectNode write(Offset offset, @Nullable Long generation) {
    ObjectNode value = write(offset);
    return generation == null ? value : value.put(GENERATION, generation);
  }

  /**
   * An offset that was read.
   *
   * @param generation the config generation with which it was written; null for none
   */
  record Stored(Offset offset, @Nullable Long generation) {}

  /**
   * Reads an offset of this or another program.
   *
   * @throws IOException if the value is not an offset; the message has the reason
   */
  static Stored read(byte[] value) throws IOException {
    Fields fields = new Fields();
    try (JsonParser json = JSON.createParser(value)) {
      if (json.nextToken() == JsonToken.START_OBJECT) {
        for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
          boolean isInteger = json.nextToken() == JsonToken.VALUE_NUMBER_INT;
          fields.set(name, isInteger, json.getValueAsLong());
          json.skipChildren();
        }
      }
    }
    return fields.stored();
  }

  /** Reads an offset like {@link #read(byte[])}, without the config generation. */
  static Offset read(JsonNode value) throws IOException {
    Fields fields = new Fields();
    value
        .properties()
        .forEach(
            field ->
                fields.set(
                    field.getKey(),
                    field.getValue().isIntegralNumber(),
                    field.getValue().asLong()));
    return fields.stored().offset();
  }

  /**
   * The fields that have been read. Only {@code bySeqno} is required: a missing start or end of the
   * snapshot is the seqno.
   */
  private static final class Fields {
    private @Nullable Long seqno;
    private @Nullable Long snapshotStart;
    private @Nullable Long snapshotEnd;
    private @Nullable Long generation;
    private long vbuuid;
    private long manifest;

    void set(String name, boolean isInteger, long value) {
      switch (name) {
        case SEQNO -> seqno = isInteger ? Long.valueOf(value) : null;
        case SNAPSHOT_START -> snapshotStart = value;
        case SNAPSHOT_END -> snapshotEnd = value;
        case VBUUID -> vbuuid = value;
        case MANIFEST -> manifest = value;
        case GENERATION -> generation = isInteger ? Long.valueOf(value) : null;
        default -> {
          // A field of another version.
        }
      }
    }

    Stored stored() throws IOException {
      if (seqno == null) {
        throw new IOException("the value has no number " + SEQNO);
      }
      return new Stored(
          new Offset(
              vbuuid,
              seqno,
              requireNonNullElse(snapshotStart, seqno),
              requireNonNullElse(snapshotEnd, seqno),
              manifest),
          generation);
    }
  }
}
