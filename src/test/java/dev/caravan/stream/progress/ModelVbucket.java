// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import dev.caravan.offset.Offset;
import dev.caravan.stream.rollback.FailoverHistory.Branch;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

/**
 * A vBucket as a model: the active copy, the copies that may be promoted, and the answers to stream
 * requests, by the rules that a real node was seen to follow (couchbase-kv, answers-rollback).
 * Every version of every document is remembered, so that a test knows the truth. Not thread-safe.
 */
final class ModelVbucket {
  /** A version of a document. Its CAS is another one for each version ever written. */
  record Change(long seqno, int key, long cas, boolean isDeletion) {}

  /** One snapshot as a stream sends it. */
  record Snapshot(long start, long end, List<Change> changes) {}

  /** A copy of the vBucket: the versions that it has, and its failover log, the newest first. */
  private static final class Copy {
    private final TreeMap<Long, Change> changes = new TreeMap<>();
    private final List<Branch> log = new ArrayList<>();
    private long highSeqno;
    private long purgeSeqno;
    private final Set<Integer> purgedKeys = new HashSet<>();

    Copy copy() {
      Copy copy = new Copy();
      copy.changes.putAll(changes);
      copy.log.addAll(log);
      copy.highSeqno = highSeqno;
      copy.purgeSeqno = purgeSeqno;
      copy.purgedKeys.addAll(purgedKeys);
      return copy;
    }

    void cut(long seqno) {
      changes.tailMap(seqno, false).clear();
      highSeqno = seqno;
    }
  }

  /** How long a failover log may get. */
  private final int maxEntries;

  private final Random random;
  private final int keys;
  private Copy active = new Copy();
  private Copy other = new Copy();
  private long cas;
  private long uuids = 1000;

  ModelVbucket(Random random, int keys, int maxEntries) {
    this.random = random;
    this.keys = keys;
    this.maxEntries = maxEntries;
    branch(active, 0);
    other = active.copy();
  }

  private void branch(Copy copy, long seqno) {
    // A node forgets the branches that began later: they are not part of this history.
    copy.log.removeIf(entry -> entry.seqno() > seqno);
    copy.log.add(0, new Branch(++uuids, seqno));
    if (copy.log.size() > maxEntries) {
      copy.log.remove(copy.log.size() - 1);
    }
  }

  void write() {
    active.highSeqno++;
    active.changes.put(
        active.highSeqno,
        new Change(active.highSeqno, random.nextInt(keys), ++cas, random.nextInt(6) == 0));
  }

  long highSeqno() {
    return active.highSeqno;
  }

  List<Branch> log() {
    return List.copyOf(active.log);
  }

  /** The other copy follows the active one up to here, or up to a little before. */
  void replicate() {
    other = active.copy();
    other.cut(Math.max(other.purgeSeqno, active.highSeqno - random.nextInt(6)));
  }

  /**
   * The copy that was replicated last becomes the active one. What it had of another history than
   * the active one's stays, as with a node that was away.
   *
   * @param mayBePartial whether it may have been in the middle of a snapshot
   */
  void failOver(boolean mayBePartial) {
    Copy promoted = other.copy();
    long whole = promoted.highSeqno;
    boolean isPrefix = active.log.get(0).vbuuid() == promoted.log.get(0).vbuuid();
    if (mayBePartial && isPrefix && active.highSeqno > whole) {
      // A snapshot is sent without what was superseded in it, and only a part has arrived.
      long end = Math.min(active.highSeqno, whole + 1L + random.nextInt(10));
      Map<Integer, Change> newest = new HashMap<>();
      active.changes.subMap(whole, false, end, true).values().forEach(c -> newest.put(c.key(), c));
      long arrived = whole + random.nextInt((int) (end - whole) + 1);
      newest.values().stream()
          .filter(change -> change.seqno() <= arrived)
          .forEach(change -> promoted.changes.put(change.seqno(), change));
      promoted.highSeqno =
          promoted.changes.isEmpty() ? whole : Math.max(whole, promoted.changes.lastKey());
    }
    Copy gone = active;
    active = promoted;
    branch(active, whole);
    // The node that goes may come back some day with what it had.
    other = random.nextBoolean() ? gone : active.copy();
  }

  /** The node crashes and comes back with all that it had. */
  void restart() {
    branch(active, active.highSeqno);
  }

  /** Forgets tombstones and what they superseded. */
  void purge() {
    if (active.highSeqno < 3) {
      return;
    }
    long upTo = 1L + random.nextInt((int) active.highSeqno - 2);
    Map<Integer, Change> newest = new LinkedHashMap<>();
    active.changes.headMap(upTo, true).values().forEach(c -> newest.put(c.key(), c));
    long purged = 0;
    for (Change change : newest.values()) {
      boolean isNewest =
          active.changes.values().stream()
              .noneMatch(c -> c.key() == change.key() && c.seqno() > change.seqno());
      if (change.isDeletion() && isNewest) {
        active.changes.values().removeIf(c -> c.key() == change.key());
        active.purgedKeys.add(change.key());
        purged = Math.max(purged, change.seqno());
      }
    }
    active.purgeSeqno = Math.max(active.purgeSeqno, purged);
    other = active.copy();
  }

  boolean wasPurged(int key) {
    return active.purgedKeys.contains(key);
  }

  /** Whether a version is part of the vBucket's history. */
  boolean has(Change change) {
    return change.equals(active.changes.get(change.seqno()));
  }

  /** The newest version of each document. */
  Map<Integer, Change> truth() {
    Map<Integer, Change> truth = new HashMap<>();
    active.changes.values().forEach(change -> truth.put(change.key(), change));
    return truth;
  }

  /** Where a stream that asks with this offset has to go back to; -1 if it is opened. */
  long rollbackSeqno(Offset asked) {
    long start = asked.bySeqno();
    if (start == 0) {
      return -1;
    }
    if (start < asked.snapshotStartSeqno() || start > asked.snapshotEndSeqno()) {
      throw new AssertionError("ERANGE: " + asked);
    }
    Long upper = null;
    long newer = active.highSeqno;
    for (Branch entry : active.log) {
      if (entry.vbuuid() == asked.vbuuid()) {
        upper = newer;
      }
      newer = entry.seqno();
    }
    if (upper == null || start < active.purgeSeqno) {
      return 0;
    }
    long snapshotStart = start == asked.snapshotEndSeqno() ? start : asked.snapshotStartSeqno();
    long snapshotEnd = start == asked.snapshotStartSeqno() ? start : asked.snapshotEndSeqno();
    return snapshotEnd <= upper ? -1 : Math.min(upper, snapshotStart);
  }

  /**
   * The next snapshot of a stream.
   *
   * @param after up to where it has come
   * @param first the start of the stream's request, if this is its first snapshot; else -1
   * @param fromDisk whether it is a backfill, which has the newest versions only
   * @return null if there is nothing more
   */
  Snapshot snapshot(long after, long first, boolean fromDisk) {
    if (after >= active.highSeqno) {
      return null;
    }
    long end =
        fromDisk ? active.highSeqno : Math.min(active.highSeqno, after + 1 + random.nextInt(8));
    boolean isSlow = fromDisk || random.nextBoolean();
    Map<Integer, Change> newest = new HashMap<>();
    List<Change> all = new ArrayList<>(active.changes.subMap(after, false, end, true).values());
    all.forEach(change -> newest.put(change.key(), change));
    List<Change> sent =
        isSlow ? all.stream().filter(newest::containsValue).toList() : List.copyOf(all);
    if (sent.isEmpty()) {
      return new Snapshot(first >= 0 ? first : after + 1, end, sent);
    }
    long start = first >= 0 ? first : sent.get(0).seqno();
    return new Snapshot(start, fromDisk ? end : sent.get(sent.size() - 1).seqno(), sent);
  }
}
