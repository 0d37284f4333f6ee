// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.dcp.highlevel.SnapshotMarker;
import com.couchbase.client.dcp.highlevel.internal.CollectionsManifest;
import com.couchbase.client.dcp.state.FailoverLogEntry;
import com.couchbase.client.dcp.state.PartitionState;
import dev.caravan.offset.Offset;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The client's state of a vBucket's stream. It prevents the client from opening the stream again by
 * itself.
 *
 * <p>The client opens a stream again when its node has ended it or its connection was lost. Nobody
 * can cancel that: it is tried every 200 ms until it succeeds, even after the client was
 * disconnected. Before, it asks whether the stream has got to its end, and does so for this purpose
 * only (dcp-client 0.56.0, {@code Conductor.maybeMovePartition}). So the answer is always yes, and
 * whoever made the state opens the stream: also one that has sent all up to its end, as the
 * connection may have broken before it said so. (Nothing is sent for that one: the client says that
 * it has ended.)
 *
 * <p>Thread-safe.
 */
final class StreamState extends PartitionState {
  /** An entry at the highest seqno there is: the failover log of the open response replaces it. */
  private static final long UNTIL_OPEN = -1L;

  private final Runnable onMove;
  private volatile @Nullable CollectionsManifest manifest;

  /**
   * @param from where the stream is opened
   * @param endSeqno the last seqno to stream, unsigned
   * @param onMove called when the client would open the stream again; must not block
   */
  StreamState(Offset from, long endSeqno, Runnable onMove) {
    this.onMove = onMove;
    setStartSeqno(
        from.bySeqno(), new SnapshotMarker(from.snapshotStartSeqno(), from.snapshotEndSeqno()));
    setEndSeqno(endSeqno);
    setCollectionsManifestUid(from.collectionsManifestUid());
    setFailoverLog(List.of(new FailoverLogEntry(UNTIL_OPEN, from.vbuuid())));
  }

  @Override
  public boolean isAtEnd() {
    onMove.run();
    return true;
  }

  @Override
  public void setCollectionsManifest(CollectionsManifest current) {
    super.setCollectionsManifest(current);
    manifest = current;
  }

  /** The collections of the bucket; null until the stream is being opened. */
  @Nullable CollectionsManifest manifest() {
    return manifest;
  }
}
