// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import dev.caravan.offset.Offset;
import dev.caravan.stream.rollback.FailoverHistory;
import dev.caravan.stream.rollback.RecentChanges;
import dev.caravan.stream.rollback.Reread;
import org.jspecify.annotations.Nullable;

/**
 * How far one vBucket has come: which events have arrived, which of them are acknowledged, which
 * changes were handed on last, and from where a new stream has to start.
 *
 * <p>Invariant: the committable offset is that of the last event of the acknowledged
 * <em>prefix</em>. An event that is never acknowledged, such as one whose delivery failed, holds
 * back everything after it, whatever happens to those.
 *
 * <p>Memory: neighbouring acknowledged events are merged, so what is kept is at most about twice
 * the number of unacknowledged events, and the {@link RecentChanges}.
 *
 * <p>Thread-safe; its own monitor guards it.
 */
public final class VbucketProgress {
  /** A snapshot that has no more to come than this is worth waiting for. */
  private static final long NEARLY_WHOLE = 256;

  private final RecentChanges recent;
  private Offset committable;
  private @Nullable Position prefixEnd;
  private @Nullable Reread unfinished;
  private FailoverHistory history;
  private @Nullable Offset saved;
  @Nullable Position first;
  private @Nullable Position last;
  private long acknowledgedMark;
  private long cleanSeqno;

  /**
   * @param saved whether the store knows this offset already, so that it need not be saved
   */
  VbucketProgress(Offset offset, boolean saved, RecentChanges recent) {
    this.committable = offset;
    this.saved = saved ? offset : null;
    this.cleanSeqno = offset.snapshotStartSeqno();
    this.history = FailoverHistory.of(offset.vbuuid());
    this.recent = recent;
  }

  /** Adds a change that is handed on, and has yet to be acknowledged. */
  public synchronized void add(Position position, long keyHash, long cas) {
    recent.add(keyHash, position.seqno, cas, cleanSeqno);
    add(position);
  }

  /** Adds an event of another kind that has yet to be acknowledged. */
  public synchronized void add(Position position) {
    position.mark = recent.mark();
    position.linked = true;
    position.previous = last;
    if (last == null) {
      first = position;
    } else {
      last.next = position;
    }
    last = position;
  }

  /** Adds an event that nobody needs to acknowledge, because nothing is published for it. */
  public synchronized void advance(Position position) {
    add(position);
    acknowledge(position);
  }

  /**
   * Acknowledges an event. Does nothing if it was acknowledged before, or forgotten by {@link
   * #rewind}.
   */
  synchronized void acknowledge(Position position) {
    if (!position.linked || position.acknowledged) {
      return;
    }
    position.acknowledged = true;
    if (position.previous != null && position.previous.acknowledged) {
      unlink(position.previous);
    }
    Position end = position;
    if (position.next != null && position.next.acknowledged) {
      end = position.next;
      unlink(position);
    }
    if (end == first) {
      unlink(end);
      prefixEnd = end;
      acknowledgedMark = end.mark;
      unfinished = end.snapshot.reread();
      if (unfinished == null) {
        history = end.snapshot.history();
        cleanSeqno = end.cleanSeqno;
        if (end.cleanSeqno == end.seqno) {
          recent.clean(end.mark);
        }
      } else {
        history = unfinished.history();
        cleanSeqno = unfinished.refused().snapshotStartSeqno();
      }
    }
  }

  private void unlink(Position position) {
    position.linked = false;
    if (position.previous == null) {
      first = position.next;
    } else {
      position.previous.next = position.next;
    }
    if (position.next == null) {
      last = position.previous;
    } else {
      position.next.previous = position.previous;
    }
    position.previous = null;
    position.next = null;
  }

  /**
   * Forgets every event that is not part of the acknowledged prefix: they will arrive again, from a
   * new stream.
   */
  synchronized void rewind() {
    while (first != null) {
      unlink(first);
    }
    recent.takeBack(acknowledgedMark);
  }

  /** The offset from which the next consumer has to start. */
  public synchronized Offset committable() {
    if (unfinished != null) {
      return unfinished.committable();
    }
    // An Offset is only made when somebody asks, not for every event.
    if (prefixEnd != null) {
      committable = prefixEnd.offset();
      prefixEnd = null;
    }
    return committable;
  }

  /** How good a moment it is to commit the acknowledged prefix. */
  synchronized CommitPoint commitPoint() {
    if (unfinished != null) {
      return CommitPoint.IN_REREAD;
    }
    Offset offset = committable();
    long rest = offset.snapshotEndSeqno() - offset.bySeqno();
    return offset.snapshotStartSeqno() != offset.bySeqno() && rest >= 0 && rest <= NEARLY_WHOLE
        ? CommitPoint.IN_SNAPSHOT
        : CommitPoint.CLEAN;
  }

  /** The re-read that the acknowledged prefix ends in; null if it ends in none. */
  synchronized @Nullable Reread unfinishedReread() {
    return unfinished;
  }

  /** The history that the committable offset is of. */
  synchronized FailoverHistory history() {
    return history;
  }

  /**
   * Begins to read again what comes after an offset that Couchbase refused.
   *
   * @param refusedHistory that the offset is of
   * @param begun an earlier re-read after the same offset, of which a part was published; null if
   *     there was none
   */
  synchronized Reread reread(
      Offset refused, FailoverHistory refusedHistory, @Nullable Reread begun) {
    return new Reread(refused, refusedHistory, recent, begun);
  }

  /** The re-read is over with the event that is added next. */
  synchronized void conclude(Reread reread) {
    reread.conclude(recent, cleanSeqno);
  }

  /** The committable offset; null if the store has it. */
  synchronized @Nullable Offset unsaved() {
    Offset offset = committable();
    return offset.equals(saved) ? null : offset;
  }

  synchronized void saved(Offset offset) {
    saved = offset;
  }

  synchronized boolean isAcknowledged() {
    return first == null;
  }

  /** Gives back the memory for recent changes; no event is added after that. */
  synchronized void release() {
    recent.release();
  }
}
