// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import dev.caravan.offset.Offset;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * How far a bucket's streams have come, per vBucket: which events have arrived, which of them are
 * acknowledged, and from where a new stream would have to start.
 *
 * <p>Invariant: the committable offset of a vBucket is that of the last event of the acknowledged
 * <em>prefix</em>. An event that is never acknowledged, such as one whose delivery failed, holds
 * back everything after it, whatever happens to those.
 *
 * <p>Memory: neighbouring acknowledged events are merged, so what is kept is at most about twice
 * the number of unacknowledged events.
 *
 * <p>Thread-safe. Events of one vBucket must be added in stream order; acknowledgements may come
 * from any thread in any order.
 */
final class Progress {
  private final Map<Integer, VbucketProgress> vbuckets = new ConcurrentHashMap<>();

  /**
   * Starts keeping a vBucket, at the place its stream is opened from.
   *
   * @param saved whether the store knows this offset already, so that it need not be saved
   */
  void start(int vbucket, Offset offset, boolean saved) {
    vbuckets.put(vbucket, new VbucketProgress(offset, saved));
  }

  boolean isStarted(int vbucket) {
    return vbuckets.containsKey(vbucket);
  }

  /** Adds an event that has yet to be acknowledged. */
  Position add(int vbucket, StreamSnapshot snapshot, long seqno) {
    Position position = new Position(vbucket, snapshot, seqno);
    kept(vbucket).add(position);
    return position;
  }

  /** Adds an event that nobody needs to acknowledge, because nothing is published for it. */
  void advance(int vbucket, StreamSnapshot snapshot, long seqno) {
    VbucketProgress progress = kept(vbucket);
    Position position = new Position(vbucket, snapshot, seqno);
    synchronized (progress) {
      progress.add(position);
      progress.acknowledge(position);
    }
  }

  /**
   * Acknowledges an event. Does nothing if it was acknowledged before, or forgotten by {@link
   * #rewind}.
   */
  void acknowledge(Position position) {
    kept(position.vbucket).acknowledge(position);
  }

  /**
   * Forgets every event that is not part of the acknowledged prefix: they will arrive again, from a
   * new stream.
   */
  void rewind() {
    vbuckets.values().forEach(VbucketProgress::rewind);
  }

  /** Whether every event that was added is acknowledged. */
  boolean isAcknowledged() {
    return vbuckets.values().stream().allMatch(VbucketProgress::isAcknowledged);
  }

  /** The offset from which a new stream of the vBucket has to start. */
  Offset committable(int vbucket) {
    return kept(vbucket).committable();
  }

  /** The committable offsets that have not been saved yet. */
  Map<Integer, Offset> unsaved() {
    Map<Integer, Offset> result = new HashMap<>();
    vbuckets.forEach(
        (vbucket, progress) -> {
          Offset offset = progress.unsaved();
          if (offset != null) {
            result.put(vbucket, offset);
          }
        });
    return result;
  }

  /** Notes that the store has taken what {@link #unsaved} returned. */
  void saved(Map<Integer, Offset> offsets) {
    offsets.forEach((vbucket, offset) -> kept(vbucket).saved(offset));
  }

  /**
   * How many positions are kept for a vBucket: bounded by its unacknowledged events, see the class
   * comment.
   */
  int size(int vbucket) {
    return kept(vbucket).size();
  }

  private VbucketProgress kept(int vbucket) {
    VbucketProgress progress = vbuckets.get(vbucket);
    if (progress == null) {
      throw new IllegalStateException("The progress of vBucket " + vbucket + " isn't kept.");
    }
    return progress;
  }

  /**
   * Guarded by its own monitor. The list holds what lies after the acknowledged prefix, in stream
   * order.
   */
  private static final class VbucketProgress {
    private Offset committable;
    private @Nullable Position prefixEnd;
    private @Nullable Offset saved;
    private @Nullable Position first;
    private @Nullable Position last;

    VbucketProgress(Offset offset, boolean saved) {
      this.committable = offset;
      this.saved = saved ? offset : null;
    }

    synchronized void add(Position position) {
      position.linked = true;
      position.previous = last;
      if (last == null) {
        first = position;
      } else {
        last.next = position;
      }
      last = position;
    }

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
        prefixEnd = end;
        unlink(end);
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

    synchronized void rewind() {
      while (first != null) {
        unlink(first);
      }
    }

    synchronized Offset committable() {
      // An Offset is only made when somebody asks, not for every event.
      if (prefixEnd != null) {
        committable = prefixEnd.snapshot.offset(prefixEnd.seqno);
        prefixEnd = null;
      }
      return committable;
    }

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

    synchronized int size() {
      int count = 0;
      for (Position position = first; position != null; position = position.next) {
        count++;
      }
      return count;
    }
  }
}
