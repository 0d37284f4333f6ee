// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A vBucket: the latest version of each of its documents in seqno order, its failover log and its
 * purge seqno.
 *
 * <p>Invariant: every seqno is given once, seqnos only grow, and the log and the index hold the
 * same documents. Thread-safe: its monitor guards all of its state. The monitor is a leaf, nothing
 * that is called while it is held takes another lock; {@link Watcher}s therefore only note that
 * they have work.
 */
final class VBucket {
  /** Who wants to know of new items; called with the vBucket's lock held. */
  interface Watcher {
    void changed();

    /** The vBucket's history took a new branch: a real node ends the streams then. */
    void branched();
  }

  enum Mode {
    SET,
    ADD,
    REPLACE
  }

  /**
   * A write of a document.
   *
   * @param keyAndValue the prefixed key, then the value; handed over, not copied
   * @param expiry seconds since 1970, 0 for never
   * @param preserveExpiry keep the expiry of the version before, if there is one
   * @param cas the CAS that the version before must have, 0 for any
   * @param durable whether a prepare comes first, which takes a seqno of its own
   */
  record Write(
      Mode mode,
      byte[] keyAndValue,
      int keyLength,
      int datatype,
      int flags,
      int expiry,
      boolean preserveExpiry,
      long cas,
      boolean durable) {}

  /** How a write went: CAS, vbuuid and seqno are 0 unless the status is SUCCESS. */
  record Outcome(Status status, long cas, long vbuuid, long seqno) {
    private static Outcome failed(Status status) {
      return new Outcome(status, 0, 0, 0);
    }
  }

  /** Items after some seqno, and the high and the purge seqno at that moment. */
  record Tail(Item[] items, long highSeqno, long purgeSeqno) {}

  /**
   * How a vBucket answers a stream request.
   *
   * @param rollbackSeqno where the client must go back to, or -1 if it may go on
   * @param failoverLog as it goes over the wire
   */
  record StreamStart(long rollbackSeqno, byte[] failoverLog, long vbuuid, long highSeqno) {
    boolean mustRollBack() {
      return rollbackSeqno != NO_ROLLBACK;
    }
  }

  /** A branch of the history with its last seqno, and the current branch. */
  record Branch(long uuid, long upper, long currentUuid, long highSeqno) {
    boolean isCurrent() {
      return uuid == currentUuid;
    }
  }

  /** A change of the collections as it goes into each vBucket's log. */
  record CollectionEvent(
      Item.Kind kind, int id, byte[] nameAndValue, int nameLength, int version) {}

  private static final Item[] NO_ITEMS = {};
  private static final long NO_ROLLBACK = -1;

  private final int id;
  private final SeqnoLog log = new SeqnoLog();
  private final KeyIndex documents = new KeyIndex();
  private final Map<Long, Item> events = new HashMap<>();
  private final Map<Integer, Long> highSeqnos = new HashMap<>();
  private final FailoverLog failoverLog = new FailoverLog();
  private final List<Watcher> watchers = new ArrayList<>();
  private CollectionsManifest manifest = CollectionsManifest.initial();
  private long highSeqno;
  private long purgeSeqno;
  private long maxCas;
  private long maxDeletedRevSeqno;
  private int documentCount;

  VBucket(int id) {
    this.id = id;
  }

  int id() {
    return id;
  }

  /** Returns the document, or null if there is none; one that is due expires now. */
  synchronized Item get(byte[] key) {
    return live(key);
  }

  /** The CAS check of a real node, then the write; the status says what was wrong. */
  synchronized Outcome write(Write write) {
    CollectionsManifest.Collection collection =
        manifest.collection(Leb128.read(write.keyAndValue()));
    if (collection == null) {
      return Outcome.failed(Status.UNKNOWN_COLLECTION);
    }
    byte[] key = Arrays.copyOf(write.keyAndValue(), write.keyLength());
    Item current = live(key);
    Status refusal = refusal(write, current);
    if (refusal != null) {
      return Outcome.failed(refusal);
    }
    int expiry = write.preserveExpiry() && current != null ? current.expiry() : write.expiry();
    Item superseded = documents.get(key);
    long token = write.durable() ? ++highSeqno : highSeqno + 1;
    Item item =
        Item.mutation(
            write.keyAndValue(),
            write.keyLength(),
            write.datatype(),
            write.flags(),
            limited(expiry, collection.maxTtlSeconds()),
            ++highSeqno,
            superseded == null ? maxDeletedRevSeqno + 1 : superseded.revSeqno() + 1,
            nextCas());
    if (current == null) {
      documentCount++;
    }
    append(item, superseded);
    return new Outcome(Status.SUCCESS, item.cas(), failoverLog.uuid(), token);
  }

  private static Status refusal(Write write, Item current) {
    if (write.mode() == Mode.ADD) {
      return current == null ? null : Status.KEY_EEXISTS;
    }
    if (current == null) {
      return write.mode() == Mode.REPLACE || write.cas() != 0 ? Status.KEY_ENOENT : null;
    }
    return write.cas() != 0 && write.cas() != current.cas() ? Status.KEY_EEXISTS : null;
  }

  private static int limited(int expiry, int maxTtlSeconds) {
    if (maxTtlSeconds == 0) {
      return expiry;
    }
    long limit = nowSeconds() + maxTtlSeconds;
    long wanted = Integer.toUnsignedLong(expiry);
    return wanted == 0 || wanted > limit ? (int) limit : expiry;
  }

  synchronized Outcome delete(byte[] key, long cas, boolean durable) {
    if (manifest.collection(Leb128.read(key)) == null) {
      return Outcome.failed(Status.UNKNOWN_COLLECTION);
    }
    Item current = live(key);
    if (current == null) {
      return Outcome.failed(Status.KEY_ENOENT);
    }
    if (cas != 0 && cas != current.cas()) {
      return Outcome.failed(Status.KEY_EEXISTS);
    }
    long token = durable ? ++highSeqno : highSeqno + 1;
    Item tombstone = bury(current, Item.Kind.DELETION);
    return new Outcome(Status.SUCCESS, tombstone.cas(), failoverLog.uuid(), token);
  }

  /** Makes an expiration of this very version of a document, unless a newer one has come since. */
  synchronized void expire(Item due) {
    if (documents.get(due.key()) == due) {
      bury(due, Item.Kind.EXPIRATION);
    }
  }

  /** Expires all documents that are due, as the expiry pager of a real node does now and then. */
  synchronized int expireDue() {
    long now = nowSeconds();
    int expired = 0;
    for (Item item : log.after(0)) {
      if (item.isExpired(now)) {
        bury(item, Item.Kind.EXPIRATION);
        expired++;
      }
    }
    return expired;
  }

  private Item live(byte[] key) {
    Item item = documents.get(key);
    if (item == null || item.isTombstone()) {
      return null;
    }
    if (item.isExpired(nowSeconds())) {
      bury(item, Item.Kind.EXPIRATION);
      return null;
    }
    return item;
  }

  private Item bury(Item document, Item.Kind kind) {
    byte[] body = document.key();
    if ((document.datatype() & Datatype.XATTR) != 0) {
      byte[] kept = Datatype.systemXattrs(Values.inflated(document));
      body = Arrays.copyOf(body, body.length + kept.length);
      System.arraycopy(kept, 0, body, document.keyLength(), kept.length);
    }
    Item tombstone =
        Item.tombstone(
            kind,
            body,
            document.keyLength(),
            (int) nowSeconds(),
            ++highSeqno,
            document.revSeqno() + 1,
            nextCas());
    maxDeletedRevSeqno = Math.max(maxDeletedRevSeqno, tombstone.revSeqno());
    documentCount--;
    append(tombstone, document);
    return tombstone;
  }

  private void append(Item item, Item superseded) {
    log.append(item, superseded);
    documents.put(item);
    highSeqnos.put(item.collectionId(), item.seqno());
    watchers.forEach(Watcher::changed);
  }

  /**
   * Changes the collections: the documents of the dropped ones go, and the events get seqnos.
   *
   * @param changed the manifest from now on
   * @param changes what is different, in the order in which streams tell it
   */
  synchronized void apply(CollectionsManifest changed, List<CollectionEvent> changes) {
    manifest = changed;
    for (CollectionEvent change : changes) {
      boolean ofScope =
          change.kind() == Item.Kind.SCOPE_CREATED || change.kind() == Item.Kind.SCOPE_DROPPED;
      if (change.kind() == Item.Kind.COLLECTION_DROPPED) {
        removeDocuments(change.id());
      }
      Item event =
          Item.event(
              change.kind(),
              change.nameAndValue(),
              change.nameLength(),
              change.id(),
              change.version(),
              ++highSeqno,
              nextCas());
      Item superseded = events.put((ofScope ? 1L << Integer.SIZE : 0) | change.id(), event);
      log.append(event, superseded);
      if (change.kind() == Item.Kind.COLLECTION_CREATED) {
        highSeqnos.put(change.id(), event.seqno());
      }
    }
    watchers.forEach(Watcher::changed);
  }

  private void removeDocuments(int collectionId) {
    for (Item item : log.after(0)) {
      if (!item.isEvent() && item.collectionId() == collectionId) {
        log.remove(item);
        documentCount -= item.isMutation() ? 1 : 0;
      }
    }
    documents.retain(item -> item.collectionId() != collectionId);
    highSeqnos.remove(collectionId);
  }

  /**
   * Forgets all tombstones but one that has the high seqno, as a compaction with a purge age of
   * zero does; the purge seqno becomes that of the newest forgotten one.
   */
  synchronized void purgeTombstones() {
    for (Item item : log.after(0)) {
      if (item.isTombstone() && item.seqno() < highSeqno) {
        log.remove(item);
        purgeSeqno = item.seqno();
      }
    }
    long purged = purgeSeqno;
    documents.retain(item -> !item.isTombstone() || item.seqno() > purged);
  }

  /**
   * Starts a new branch of history at the high seqno and ends the streams, as a crash or failover
   * does.
   */
  synchronized void branch() {
    failoverLog.branch(highSeqno);
    watchers.forEach(Watcher::branched);
  }

  /**
   * Calls the watcher from the next change on, until {@link #unwatch}.
   *
   * @param uuid the branch that it knows; if there is a newer one, it is told so at once
   */
  synchronized void watch(Watcher watcher, long uuid) {
    watchers.add(watcher);
    if (uuid != failoverLog.uuid()) {
      watcher.branched();
    }
  }

  synchronized void unwatch(Watcher watcher) {
    watchers.remove(watcher);
  }

  synchronized Tail after(long seqno) {
    return new Tail(seqno >= highSeqno ? NO_ITEMS : log.after(seqno), highSeqno, purgeSeqno);
  }

  synchronized long highSeqno() {
    return highSeqno;
  }

  /** The high seqno of one collection, 0 when nothing happened in it. */
  synchronized long highSeqno(int collectionId) {
    return highSeqnos.getOrDefault(collectionId, 0L);
  }

  synchronized int documentCount() {
    return documentCount;
  }

  synchronized byte[] failoverLog() {
    return failoverLog.encoded();
  }

  synchronized long uuid() {
    return failoverLog.uuid();
  }

  /** Where a branch of the history stands, or null when its vbuuid is unknown. */
  synchronized Branch branchOf(long uuid) {
    long upper = failoverLog.upper(uuid, highSeqno);
    return upper < 0 ? null : new Branch(uuid, upper, failoverLog.uuid(), highSeqno);
  }

  /** Decides whether a stream may continue from a position. */
  synchronized StreamStart startStream(StreamPosition asked, StreamFlags flags) {
    return new StreamStart(
        rollbackSeqno(asked, flags), failoverLog.encoded(), failoverLog.uuid(), highSeqno);
  }

  private long rollbackSeqno(StreamPosition asked, StreamFlags flags) {
    long start = asked.startSeqno();
    if (start == 0 && !(flags.strictVbuuid() && asked.vbuuid() != 0)) {
      return NO_ROLLBACK;
    }
    long upper = failoverLog.upper(asked.vbuuid(), highSeqno);
    if (upper < 0) {
      return 0;
    }
    if (start > 0 && start < purgeSeqno && !flags.ignorePurged()) {
      return 0;
    }
    long snapshotStart = start == asked.snapshotEnd() ? start : asked.snapshotStart();
    long snapshotEnd = start == asked.snapshotStart() ? start : asked.snapshotEnd();
    return Long.compareUnsigned(snapshotEnd, upper) <= 0
        ? NO_ROLLBACK
        : Math.min(upper, snapshotStart);
  }

  private long nextCas() {
    long clock = System.currentTimeMillis() * 1_000_000 & ~0xffffL;
    maxCas = Math.max(clock, maxCas + 1);
    return maxCas;
  }

  private static long nowSeconds() {
    return System.currentTimeMillis() / 1000;
  }
}
