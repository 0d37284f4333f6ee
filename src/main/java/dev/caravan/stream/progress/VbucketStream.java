// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import dev.caravan.offset.Offset;
import dev.caravan.stream.client.KeyHash;
import dev.caravan.stream.rollback.FailoverHistory;
import dev.caravan.stream.rollback.Reread;
import org.jspecify.annotations.Nullable;

/**
 * The part of a vBucket's stream that one session has received, and the offset from which the
 * stream is opened again when its connection breaks or Couchbase rolls it back.
 *
 * <p>Invariant: the clean point is at most the last seqno, and every key's newest change up to the
 * clean point was received. It is the end of the last snapshot that was received whole, or a later
 * seqno up to which none is missing. An offset names it as the start of its snapshot: the marker's
 * own start may lie behind a change that was superseded before it was sent, and Couchbase would
 * then not know that a failover has brought that change back.
 *
 * <p>Thread-safe; its own monitor guards it. A vBucket's events come from one event loop at a time,
 * but its next stream is opened on that of another connection.
 */
public final class VbucketStream {
  /** Called when a re-read ends, before the event that ends it is added. */
  @FunctionalInterface
  public interface RereadListener {
    /**
     * A re-read ends.
     *
     * @param position of the rollback itself, in the place where the re-read ends
     */
    void ended(Reread reread, Position position);
  }

  private final int number;
  private final VbucketProgress progress;
  private final RereadListener listener;
  private StreamSnapshot snapshot;
  private StreamSnapshot published;
  private boolean isInSnapshot;
  private FailoverHistory history;
  private long lastSeqno;
  private long cleanSeqno;

  /** The end of the snapshot that is being received. */
  private long snapshotEndSeqno;

  /**
   * The end of the last of the snapshots that were received in part since the clean point: what was
   * sent of one may leave out what was superseded anywhere in it.
   */
  private long openEndSeqno;

  private long manifestUid;
  private @Nullable Reread reread;

  /**
   * Begins where the acknowledged prefix ends. If that is in a re-read, the re-read begins again:
   * the vBucket's history may be another one again.
   */
  public VbucketStream(int number, VbucketProgress progress, RereadListener listener) {
    this.number = number;
    this.progress = progress;
    this.listener = listener;
    Reread unfinished = progress.unfinishedReread();
    Offset offset = unfinished == null ? progress.committable() : unfinished.refused();
    history = progress.history();
    lastSeqno = offset.bySeqno();
    // Another program may have saved the snapshot that would have come next; Couchbase refuses
    // that.
    boolean isWithin =
        Long.compareUnsigned(offset.snapshotStartSeqno(), lastSeqno) <= 0
            && Long.compareUnsigned(lastSeqno, offset.snapshotEndSeqno()) <= 0;
    cleanSeqno = isWithin ? offset.snapshotStartSeqno() : lastSeqno;
    snapshotEndSeqno = isWithin ? offset.snapshotEndSeqno() : lastSeqno;
    openEndSeqno = snapshotEndSeqno;
    manifestUid = offset.collectionsManifestUid();
    snapshot = new StreamSnapshot(history, openEndSeqno, manifestUid);
    published = snapshot;
    if (unfinished != null) {
      reread = progress.reread(offset(), history, unfinished);
      rollBack(unfinished.fromSeqno());
    }
  }

  public int number() {
    return number;
  }

  /** The vbuuid of the history that is being received. */
  public synchronized long vbuuid() {
    return history.vbuuid();
  }

  /** The offset to open the stream with. */
  public synchronized Offset offset() {
    long vbuuid = lastSeqno == 0 ? 0 : history.vbuuid();
    return cleanSeqno == lastSeqno
        ? new Offset(vbuuid, lastSeqno, lastSeqno, lastSeqno, manifestUid)
        : new Offset(vbuuid, lastSeqno, cleanSeqno, openEndSeqno, manifestUid);
  }

  /**
   * Couchbase has refused the {@link #offset}: the stream is to be opened after this seqno, in the
   * history that was asked for. If that is one of a re-read, the re-read begins again instead, in
   * the history from before it: Couchbase may still know that one. All that was received before
   * counts as published; if it isn't, the session ends.
   */
  public synchronized void rollBack(long seqno) {
    long toSeqno = seqno;
    if (reread == null) {
      reread = progress.reread(offset(), history, null);
    } else if (history.vbuuid() != reread.history().vbuuid()) {
      history = reread.history();
      toSeqno = reread.fromSeqno();
    }
    reread.from(toSeqno);
    lastSeqno = toSeqno;
    cleanSeqno = toSeqno;
    snapshotEndSeqno = toSeqno;
    openEndSeqno = toSeqno;
    isInSnapshot = false;
    // The vBucket may not know the collections that were made after this seqno.
    manifestUid = 0;
  }

  /**
   * Couchbase has opened the stream, with this history.
   *
   * @return whether the vBucket is being read again, so that {@link #highSeqno} should follow
   */
  public synchronized boolean accepted(FailoverHistory now) {
    boolean isNewBranch = history.vbuuid() != now.vbuuid();
    history = now;
    if (reread != null) {
      reread.accepted(now);
    } else if (isNewBranch && cleanSeqno == lastSeqno && lastSeqno != 0) {
      // The old branch will be gone from the log some day, and nothing may happen until then.
      progress.advance(clean());
    }
    return reread != null;
  }

  /** The last seqno, up to which all is known. */
  private Position clean() {
    return new Position(
        number, new StreamSnapshot(history, lastSeqno, manifestUid), lastSeqno, lastSeqno);
  }

  /** How far the vBucket went when its stream was opened again, unsigned. */
  public synchronized void highSeqno(long seqno) {
    if (reread == null) {
      return;
    }
    reread.highSeqno(seqno);
    if (cleanSeqno == lastSeqno && reread.isOverAt(lastSeqno)) {
      concludeReread();
      progress.advance(clean());
    }
  }

  /**
   * A snapshot begins.
   *
   * @param manifestUid of the collections manifest that the stream has reached
   */
  public synchronized void onSnapshot(long startSeqno, long endSeqno, long manifestUid) {
    if (isInSnapshot
        && snapshotEndSeqno == openEndSeqno
        && Long.compareUnsigned(startSeqno, snapshotEndSeqno) > 0) {
      // The server goes on after the last one, so that was whole, whatever its last event.
      cleanSeqno = snapshotEndSeqno;
      openEndSeqno = endSeqno;
    } else if (cleanSeqno == lastSeqno || Long.compareUnsigned(endSeqno, openEndSeqno) > 0) {
      openEndSeqno = endSeqno;
    }
    isInSnapshot = true;
    snapshotEndSeqno = endSeqno;
    this.manifestUid = manifestUid;
    showSnapshot();
  }

  private void showSnapshot() {
    snapshot = new StreamSnapshot(history, openEndSeqno, manifestUid);
    published =
        reread == null ? snapshot : new StreamSnapshot(history, openEndSeqno, manifestUid, reread);
  }

  /** The selected collections have nothing up to this seqno that was not sent. */
  public synchronized void onSeqnoAdvanced(long seqno, long manifestUid) {
    if (isNew(seqno)) {
      onSnapshot(seqno, seqno, manifestUid);
      progress.advance(advance(seqno));
    }
  }

  /** A collection or scope was made or dropped; the client has kept the new manifest. */
  public synchronized void onSystemEvent(long seqno, long manifestUid) {
    if (isNew(seqno)) {
      requireSnapshot();
      this.manifestUid = manifestUid;
      showSnapshot();
      progress.advance(advance(seqno));
    }
  }

  /**
   * A document has changed.
   *
   * @param keyHash of its collection and id, see {@link KeyHash}
   * @param isSelected whether its collection is one of the selected
   * @return the change's place if it is to be handed on; null if it came before, is not selected or
   *     was published already
   */
  public synchronized @Nullable Position onChange(
      long seqno, long keyHash, long cas, boolean isSelected) {
    // Events that wait until they are persisted arrive twice if their stream is opened again
    // meanwhile.
    if (!isNew(seqno)) {
      return null;
    }
    requireSnapshot();
    boolean isPublished = isSelected && reread != null && reread.isPublished(keyHash, seqno, cas);
    Position position = advance(seqno);
    if (isSelected && !isPublished) {
      progress.add(position, keyHash, cas);
      return position;
    }
    progress.advance(position);
    return null;
  }

  private boolean isNew(long seqno) {
    return Long.compareUnsigned(seqno, lastSeqno) > 0;
  }

  private void requireSnapshot() {
    if (!isInSnapshot) {
      throw new IllegalStateException(
          "Couchbase sent an event of vBucket " + number + " before its snapshot marker.");
    }
  }

  private Position advance(long seqno) {
    lastSeqno = seqno;
    boolean isWhole = seqno == snapshotEndSeqno && seqno == openEndSeqno;
    if (isWhole || seqno == cleanSeqno + 1) {
      cleanSeqno = seqno;
    }
    if (reread != null && (reread.isBeyond(seqno) || (isWhole && reread.isOverAt(seqno)))) {
      concludeReread();
    }
    return new Position(number, published, seqno, cleanSeqno);
  }

  private void concludeReread() {
    Reread ended = reread;
    if (ended != null) {
      listener.ended(
          ended,
          new Position(
              number,
              new StreamSnapshot(history, openEndSeqno, manifestUid, ended),
              ended.fromSeqno(),
              ended.fromSeqno()));
      progress.conclude(ended);
      reread = null;
      published = snapshot;
    }
  }
}
