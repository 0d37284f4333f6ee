// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import dev.caravan.offset.Offset;
import dev.caravan.stream.rollback.RecentChanges;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * How far a bucket's streams have come, by vBucket.
 *
 * <p>Thread-safe. Events of one vBucket must be added in stream order; acknowledgements may come
 * from any thread in any order.
 */
public final class AckTracker {
  private final Map<Integer, VbucketProgress> vbuckets = new ConcurrentHashMap<>();
  private final RecentChanges.Budget budget;

  public AckTracker() {
    this(RecentChanges.Budget.OF_PROCESS);
  }

  /**
   * @param budget for what has to be known of published changes after a rollback
   */
  AckTracker(RecentChanges.Budget budget) {
    this.budget = budget;
  }

  /**
   * Starts keeping a vBucket, at the place its stream is opened from.
   *
   * @param saved whether the store knows this offset already, so that it need not be saved
   */
  public void start(int vbucket, Offset offset, boolean saved) {
    VbucketProgress replaced =
        vbuckets.put(vbucket, new VbucketProgress(offset, saved, new RecentChanges(budget)));
    if (replaced != null) {
      replaced.release();
    }
  }

  public boolean isStarted(int vbucket) {
    return vbuckets.containsKey(vbucket);
  }

  /** The progress of one vBucket. */
  public VbucketProgress of(int vbucket) {
    VbucketProgress progress = vbuckets.get(vbucket);
    if (progress == null) {
      throw new IllegalStateException("The progress of vBucket " + vbucket + " isn't kept.");
    }
    return progress;
  }

  /**
   * Acknowledges an event. Does nothing if it was acknowledged before, or forgotten by {@link
   * #rewind}.
   */
  public void acknowledge(Position position) {
    of(position.vbucket).acknowledge(position);
  }

  /**
   * Forgets every event that is not part of the acknowledged prefix: they will arrive again, from a
   * new stream.
   */
  public void rewind() {
    vbuckets.values().forEach(VbucketProgress::rewind);
  }

  /** Whether every event that was added is acknowledged. */
  public boolean isAcknowledged() {
    return vbuckets.values().stream().allMatch(VbucketProgress::isAcknowledged);
  }

  /** How good a moment it is to commit what is acknowledged. */
  public CommitPoint commitPoint() {
    return vbuckets.values().stream()
        .map(VbucketProgress::commitPoint)
        .reduce(CommitPoint.CLEAN, CommitPoint::worse);
  }

  /** The committable offsets that have not been saved yet. */
  public Map<Integer, Offset> unsaved() {
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
  public void saved(Map<Integer, Offset> offsets) {
    offsets.forEach((vbucket, offset) -> of(vbucket).saved(offset));
  }

  /** Gives back the memory for recent changes; no event is added after that. */
  public void release() {
    vbuckets.values().forEach(VbucketProgress::release);
  }
}
