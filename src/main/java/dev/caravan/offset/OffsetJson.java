// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * An offset as the official Couchbase connector writes it:
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
   * An offset with the generation of the configuration that it belongs to, in a further field that
   * other readers ignore; null for an offset of whichever configuration.
   */
  static ObjectNode write(Offset offset, @Nullable Long generation) {
    ObjectNode value = write(offset);
    return generation == null ? value : value.put(GENERATION, generation);
  }

  /** The generation that an offset was written with; null if with none. */
  static @Nullable Long readGeneration(JsonNode value) {
    JsonNode generation = value.path(GENERATION);
    return generation.isIntegralNumber() ? generation.longValue() : null;
  }

  /**
   * Reads an offset, whoever wrote it. Only {@code bySeqno} has to be there: where the snapshot is
   * missing, it is the seqno itself.
   *
   * @throws IOException if it is none; the message says why
   */
  static Offset read(JsonNode value) throws IOException {
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
}
