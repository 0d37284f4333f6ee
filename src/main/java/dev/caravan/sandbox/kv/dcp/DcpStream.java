// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import dev.caravan.sandbox.kv.protocol.StreamFlags;
import dev.caravan.sandbox.kv.protocol.StreamPosition;
import dev.caravan.sandbox.kv.store.Item;
import dev.caravan.sandbox.kv.store.VBucket;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * One stream: the changes of a vBucket from a position on, in snapshots.
 *
 * <p>Changes from before the stream was opened are one disk snapshot unless they are in memory;
 * later changes are memory snapshots. Items are immutable, so writes to the vBucket don't change a
 * snapshot that is being sent. Confined to the connection's event loop, except the {@link
 * VBucket.Watcher} methods, which run on the thread of a writer.
 */
public final class DcpStream implements VBucket.Watcher {
  static final int END_OK = 0;
  static final int END_CLOSED = 1;
  static final int END_STATE_CHANGED = 2;
  static final int END_FILTER_EMPTY = 7;

  private static final int NO_CHECKPOINT = -1;
  private static final int MARKER_MEMORY = 0x1;
  private static final int MARKER_DISK = 0x2;
  private static final int MARKER_CHECKPOINT = 0x4;

  private final DcpProducer producer;
  private final VBucket vbucket;
  private final int opaque;
  private final StreamFilter filter;
  private final StreamFlags flags;
  private final int epoch;
  private final long startSeqno;
  private final long askedSnapshotStart;
  private final long endSeqno;
  private final AtomicBoolean queued = new AtomicBoolean();
  private final AtomicBoolean gathering = new AtomicBoolean();
  private volatile boolean stateChanged;

  private boolean fromDisk;
  private boolean anyMarker;
  private int lastCheckpoint = NO_CHECKPOINT;
  private boolean ended;
  private long position;
  private @Nullable Item @Nullable [] snapshot;
  private int next;
  private long snapshotEnd;

  /**
   * A stream that sends nothing until its producer runs it.
   *
   * @param opaque of the stream request, which all messages carry
   * @param asked the range; the end is unsigned, and the snapshot that holds it is sent as a whole
   * @param start the answer of the vBucket
   */
  public DcpStream(
      DcpProducer producer,
      VBucket vbucket,
      int opaque,
      StreamFilter filter,
      StreamPosition asked,
      StreamFlags flags,
      VBucket.StreamOpening start) {
    this.producer = producer;
    this.vbucket = vbucket;
    this.opaque = opaque;
    this.filter = filter;
    this.flags = flags;
    epoch = start.epoch();
    startSeqno = asked.startSeqno();
    askedSnapshotStart = asked.snapshotStart();
    endSeqno = flags.toLatest() ? start.highSeqno() : asked.endSeqno();
    fromDisk = startSeqno < start.highSeqno() && !start.fromMemory();
    position = startSeqno;
  }

  int vbucketId() {
    return vbucket.id();
  }

  int streamId() {
    return filter.streamId();
  }

  DcpProducer.StreamKey key() {
    return new DcpProducer.StreamKey(vbucketId(), streamId());
  }

  int opaque() {
    return opaque;
  }

  void start() {
    vbucket.watch(this, epoch);
    producer.ready(this);
  }

  /** Stops without a message; the producer no longer knows the stream. */
  void stop() {
    ended = true;
    snapshot = null;
    vbucket.unwatch(this);
  }

  @Override
  public void changed() {
    producer.changed(this);
  }

  /** Notes that it waits for further changes; returns false when it does already. */
  boolean gather() {
    return gathering.compareAndSet(false, true);
  }

  void gathered() {
    gathering.set(false);
  }

  @Override
  public void stateChanged() {
    stateChanged = true;
    producer.ready(this);
  }

  /** Notes that it waits for its turn; returns false when it does already. */
  boolean enqueue() {
    return queued.compareAndSet(false, true);
  }

  /** Takes it out of the queue; a later change queues it again. */
  void dequeue() {
    queued.set(false);
  }

  /** Sends messages while there is room; returns whether there may be more. */
  boolean produce(DcpEncoder encoder) {
    while (!ended && encoder.hasRoom()) {
      if (!step(encoder)) {
        return false;
      }
    }
    return !ended;
  }

  /**
   * Sends at most one message; returns false when there is nothing to do until something changes.
   */
  private boolean step(DcpEncoder encoder) {
    if (stateChanged) {
      end(encoder, END_STATE_CHANGED);
    } else if (snapshot == null) {
      return begin(encoder);
    } else if (next < snapshot.length) {
      if (snapshot[next].seqno() > vbucket.streamLimit()) {
        return false;
      }
      sendItem(encoder, snapshot[next]);
      snapshot[next++] = null;
    } else {
      finish(encoder);
    }
    return true;
  }

  private boolean begin(DcpEncoder encoder) {
    if (isComplete()) {
      end(encoder, END_OK);
      return true;
    }
    VBucket.Tail tail = fromDisk ? producer.onDisk(vbucket, position) : vbucket.after(position);
    if (tail.highSeqno() == position || position >= vbucket.streamLimit()) {
      return false;
    }
    if (position > 0 && position < tail.purgeSeqno() && !flags.ignorePurged()) {
      // Deletions after the position are forgotten: asked again, the vBucket answers with a
      // rollback.
      end(encoder, END_STATE_CHANGED);
      return true;
    }
    Item[] passing = filter.passing(tail.items());
    if (passing.length == 0 && !fromDisk) {
      position = tail.highSeqno();
      return true;
    }
    snapshot = passing;
    next = 0;
    snapshotEnd = tail.highSeqno();
    // The first marker goes on with the snapshot that the client was in, a later one starts at its
    // first change: a hole may lie before it.
    long start = anyMarker ? passing[0].seqno() : askedSnapshotStart;
    long end = fromDisk ? snapshotEnd : passing[passing.length - 1].seqno();
    encoder.marker(
        this,
        start,
        end,
        markerFlags(passing, tail.checkpoint()),
        fromDisk ? tail.highCompletedSeqno() : 0);
    anyMarker = true;
    return true;
  }

  private int markerFlags(Item[] passing, int checkpoint) {
    if (fromDisk) {
      return MARKER_DISK | MARKER_CHECKPOINT;
    }
    boolean newCheckpoint = checkpoint != lastCheckpoint || passing[0].isEvent();
    lastCheckpoint = checkpoint;
    return newCheckpoint ? MARKER_MEMORY | MARKER_CHECKPOINT : MARKER_MEMORY;
  }

  private void sendItem(DcpEncoder encoder, Item item) {
    encoder.item(this, item, fromDisk && producer.readsCompressed());
    position = item.seqno();
    if (fromDisk && item.expiry() != 0 && item.isExpired(System.currentTimeMillis() / 1000)) {
      vbucket.expire(item);
    }
  }

  private void finish(DcpEncoder encoder) {
    if (filter.isExhausted()) {
      end(encoder, END_FILTER_EMPTY);
      return;
    }
    boolean advance = fromDisk && position < snapshotEnd && producer.settings().collections();
    if (advance) {
      encoder.seqnoAdvanced(this, snapshotEnd);
    }
    position = snapshotEnd;
    snapshot = null;
    fromDisk = false;
  }

  private boolean isComplete() {
    return Long.compareUnsigned(position, endSeqno) >= 0 || (flags.diskOnly() && !fromDisk);
  }

  /** Sends the end of the stream and stops it. */
  void end(DcpEncoder encoder, int reason) {
    encoder.end(this, reason);
    producer.ended(this);
    stop();
  }
}
