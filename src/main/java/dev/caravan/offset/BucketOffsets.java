// SPDX-License-Identifier: Apache-2.0
package dev.caravan.offset;

import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * The offsets of the vBuckets of a bucket, in columns. A vBucket takes about 20 bytes; as an object
 * it would take more than 100. Not thread-safe.
 */
final class BucketOffsets {
  private final BitSet present = new BitSet();
  private final LongColumn vbuuid = new LongColumn();
  private final LongColumn seqno = new LongColumn();

  // Distances from the seqno, which are small or constant.
  private final LongColumn beforeSeqno = new LongColumn();
  private final LongColumn afterSeqno = new LongColumn();

  private final LongColumn manifest = new LongColumn();

  void put(int vbucket, Offset offset) {
    present.set(vbucket);
    vbuuid.set(vbucket, offset.vbuuid());
    seqno.set(vbucket, offset.bySeqno());
    beforeSeqno.set(vbucket, offset.bySeqno() - offset.snapshotStartSeqno());
    afterSeqno.set(vbucket, offset.snapshotEndSeqno() - offset.bySeqno());
    manifest.set(vbucket, offset.collectionsManifestUid());
  }

  void remove(int vbucket) {
    present.clear(vbucket);
  }

  @Nullable Offset get(int vbucket) {
    if (!present.get(vbucket)) {
      return null;
    }
    long bySeqno = seqno.get(vbucket);
    return new Offset(
        vbuuid.get(vbucket),
        bySeqno,
        bySeqno - beforeSeqno.get(vbucket),
        bySeqno + afterSeqno.get(vbucket),
        manifest.get(vbucket));
  }
}
