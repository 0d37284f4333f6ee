// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

import dev.caravan.sandbox.kv.protocol.DocumentKey;
import dev.caravan.sandbox.kv.protocol.Status;
import dev.caravan.sandbox.kv.protocol.StreamFlags;
import dev.caravan.sandbox.kv.protocol.StreamPosition;
import dev.caravan.sandbox.kv.protocol.Xattrs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A vBucket: its items, its state and its failover log.
 *
 * <p>Invariant: every seqno is given once on a branch of the history, and seqnos only grow.
 * Thread-safe: its monitor guards all of its state. Nothing that is called while it is held takes
 * another lock, except that of the {@link Chronicle}; {@link Watcher}s only note that they have
 * work.
 */
public final class VBucket {
  /** Learns of new items; its methods are called with the vBucket's lock held. */
  public interface Watcher {
    void changed();

    /** Its state changed, or its history took a new branch: a real node ends the streams then. */
    void stateChanged();
  }

  /** The result of a write; CAS, vbuuid and seqno are 0 unless the status is SUCCESS. */
  public record Outcome(Status status, long cas, long vbuuid, long seqno) {
    public static Outcome failed(Status status) {
      return new Outcome(status, 0, 0, 0);
    }
  }

  /**
   * Items after some seqno, with the state of the vBucket at that moment.
   *
   * @param highCompletedSeqno of the prepare of the last durable write, 0 if there was none
   * @param checkpoint the number of the checkpoint that takes new changes
   */
  public record Tail(
      Item[] items, long highSeqno, long purgeSeqno, long highCompletedSeqno, int checkpoint) {}

  /**
   * The answer of a vBucket to a stream request.
   *
   * @param rollbackSeqno where the client must go back to, or {@link FailoverLog#NO_ROLLBACK}
   * @param failoverLog as it goes over the wire
   * @param epoch the number of state changes so far
   * @param fromMemory whether all that the stream starts with is in memory
   */
  public record StreamOpening(
      long rollbackSeqno, byte[] failoverLog, int epoch, long highSeqno, boolean fromMemory) {
    public boolean mustRollBack() {
      return rollbackSeqno != FailoverLog.NO_ROLLBACK;
    }
  }

  /** A branch of the history with its last seqno, and the current branch. */
  public record Branch(long uuid, long upper, long currentUuid, long highSeqno) {
    public boolean isCurrent() {
      return uuid == currentUuid;
    }
  }

  /**
   * A copy of the vBucket at one moment; its parts don't change.
   *
   * @param wholeSeqno the end of the last whole snapshot: the high seqno, or less if what comes
   *     after it is only a part of a snapshot. A new branch of the history starts here.
   */
  public record Copy(
      ItemStore items,
      FailoverLog failoverLog,
      CollectionsManifest manifest,
      long wholeSeqno,
      long highSeqno,
      long highCompletedSeqno) {
    public @Nullable Branch branchOf(long uuid) {
      return VBucket.branchOf(uuid, failoverLog, highSeqno);
    }

    /** The high seqno of one collection, 0 when nothing happened in it. */
    public long highSeqno(int collectionId) {
      return items.highSeqno(collectionId);
    }

    /** The failover log as it goes over the wire. */
    public byte[] encodedFailoverLog() {
      return failoverLog.encoded();
    }
  }

  /** Of {@link #limitStreams}: everything is sent. */
  public static final long NO_LIMIT = Long.MAX_VALUE;

  private static final Item[] NO_ITEMS = {};

  private final int id;
  private final List<Watcher> watchers = new ArrayList<>();
  private Chronicle chronicle;
  private final CasClock casClock = new CasClock();
  private final VBucketLimits limits;
  private ItemStore items = new ItemStore();
  private FailoverLog failoverLog;
  private VBucketState state = VBucketState.ACTIVE;
  private CollectionsManifest manifest = CollectionsManifest.initial();
  private boolean mute;
  private int epoch;
  private long highSeqno;
  private long highCompletedSeqno;
  private long checkpointSeqno;
  private int checkpoint;
  private volatile long streamLimit = NO_LIMIT;

  public VBucket(int id, VBucketLimits limits, Chronicle chronicle) {
    this.id = id;
    this.limits = limits;
    this.chronicle = chronicle;
    failoverLog = new FailoverLog(limits.failoverLogEntries());
  }

  public int id() {
    return id;
  }

  public synchronized VBucketState state() {
    return state;
  }

  /** Returns the document, or null if there is none; one that is due expires now. */
  public synchronized @Nullable Item get(byte[] key) {
    return live(key);
  }

  /** Returns the document or its tombstone, or null if there is neither; nothing expires. */
  public synchronized @Nullable Item getMeta(byte[] key) {
    return items.get(key);
  }

  /** The CAS check of a real node, then the write; the status says what was wrong. */
  public synchronized Outcome write(Write write) {
    CollectionsManifest.Collection collection =
        manifest.collection(DocumentKey.collectionId(write.keyAndValue()));
    if (collection == null) {
      return Outcome.failed(Status.UNKNOWN_COLLECTION);
    }
    byte[] key = Arrays.copyOf(write.keyAndValue(), write.keyLength());
    Item current = live(key);
    Status refusal = write.refusal(current);
    if (refusal != null) {
      return Outcome.failed(refusal);
    }
    Item superseded = current != null ? current : items.get(key);
    long token = prepare(write.durable());
    Item item =
        Item.mutation(
            write.keyAndValue(),
            write.keyLength(),
            write.datatype(),
            write.flags(),
            write.expiry(current, collection.maxTtlSeconds(), nowSeconds()),
            ++highSeqno,
            items.nextRevSeqno(superseded),
            casClock.next());
    put(item, superseded);
    return new Outcome(Status.SUCCESS, item.cas(), failoverLog.uuid(), token);
  }

  public synchronized Outcome delete(byte[] key, long cas, boolean durable) {
    if (manifest.collection(DocumentKey.collectionId(key)) == null) {
      return Outcome.failed(Status.UNKNOWN_COLLECTION);
    }
    Item current = live(key);
    if (current == null) {
      return Outcome.failed(Status.KEY_ENOENT);
    }
    if (cas != 0 && cas != current.cas()) {
      return Outcome.failed(Status.KEY_EEXISTS);
    }
    long token = prepare(durable);
    Item tombstone = bury(current, Item.Kind.DELETION);
    return new Outcome(Status.SUCCESS, tombstone.cas(), failoverLog.uuid(), token);
  }

  /** The seqno in the answer to a write; for a durable write it is that of the prepare. */
  private long prepare(boolean durable) {
    if (durable) {
      highCompletedSeqno = ++highSeqno;
      return highSeqno;
    }
    return highSeqno + 1;
  }

  /** Makes an expiration of this very version of a document, unless a newer one has come since. */
  public synchronized void expire(Item due) {
    if (items.get(due.key()) == due) {
      bury(due, Item.Kind.EXPIRATION);
    }
  }

  /** Expires all documents that are due, as the expiry pager of a real node does now and then. */
  public synchronized int expireDue() {
    long now = nowSeconds();
    int expired = 0;
    for (Item item : items.after(0)) {
      if (item.isExpired(now)) {
        bury(item, Item.Kind.EXPIRATION);
        expired++;
      }
    }
    return expired;
  }

  private @Nullable Item live(byte[] key) {
    Item item = items.get(key);
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
    if (document.hasXattrs()) {
      byte[] kept = Xattrs.systemOnly(document.inflatedValue());
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
            casClock.next());
    put(tombstone, document);
    return tombstone;
  }

  private void put(Item item, @Nullable Item superseded) {
    items.put(item, superseded);
    chronicle.wrote(id, failoverLog.uuid(), item);
    watchers.forEach(Watcher::changed);
  }

  /**
   * Changes the collections: the documents of the dropped ones go, and the events get seqnos.
   *
   * @param changed the manifest from now on
   * @param changes the events, in the order in which streams send them
   */
  public synchronized void apply(CollectionsManifest changed, List<CollectionEvent> changes) {
    manifest = changed;
    for (CollectionEvent change : changes) {
      if (change.kind() == Item.Kind.COLLECTION_DROPPED) {
        items.dropCollection(change.id());
      }
      items.putEvent(Item.event(change, ++highSeqno, casClock.next()));
    }
    watchers.forEach(Watcher::changed);
  }

  /**
   * Forgets all tombstones but one that has the high seqno, as a compaction with a purge age of
   * zero does; the purge seqno becomes that of the newest forgotten one.
   */
  public synchronized void purgeTombstones() {
    items.purgeTombstones(highSeqno);
  }

  /** Removes all changes from memory; later ones are in memory too. */
  public synchronized void openCheckpoint() {
    checkpointSeqno = highSeqno;
    checkpoint++;
  }

  /**
   * Changes the state and ends the streams. Becoming active starts a new branch of the history,
   * because another node may have been active meanwhile.
   */
  public synchronized void setState(VBucketState changed) {
    if (changed == state) {
      return;
    }
    state = changed;
    if (changed == VBucketState.ACTIVE) {
      failoverLog.branch(highSeqno);
      openCheckpoint();
    }
    endStreams();
  }

  /** Starts a new branch of history at the high seqno and ends the streams, as a crash does. */
  public synchronized void branch() {
    failoverLog.branch(highSeqno);
    openCheckpoint();
    endStreams();
  }

  /** Ends the streams, as it is on another node from now on; its history goes on as it is. */
  public synchronized void move() {
    openCheckpoint();
    endStreams();
  }

  public synchronized Copy copy() {
    return new Copy(
        items.copy(), failoverLog.copy(), manifest, highSeqno, highSeqno, highCompletedSeqno);
  }

  /**
   * A replica after it received the first changes of the snapshot that it lacks. A version that was
   * superseded meanwhile is not in that snapshot, and an older one that the replica has stays until
   * the newer one comes.
   *
   * @param changes how many, 0 or more; all of them make the snapshot whole
   */
  public synchronized Copy received(Copy replica, int changes) {
    Item[] snapshot = items.after(replica.highSeqno());
    if (changes >= snapshot.length) {
      return copy();
    }
    ItemStore received = replica.items().copy();
    long high = replica.highSeqno();
    for (int i = 0; i < changes; i++) {
      received.add(snapshot[i]);
      high = snapshot[i].seqno();
    }
    return new Copy(
        received,
        failoverLog.copy(),
        replica.manifest(),
        replica.wholeSeqno(),
        high,
        replica.highCompletedSeqno());
  }

  /**
   * Becomes active with the state of a replica, on a new branch of the history. The branch starts
   * at the end of the last whole snapshot, which may be below the high seqno.
   */
  public synchronized void failOver(Copy replica) {
    chronicle.lost(
        id, replica.wholeSeqno(), documents(replica.items().after(replica.wholeSeqno())));
    items = replica.items().copy();
    failoverLog = replica.failoverLog().copy();
    highSeqno = replica.highSeqno();
    highCompletedSeqno = replica.highCompletedSeqno();
    state = VBucketState.ACTIVE;
    failoverLog.branch(replica.wholeSeqno());
    openCheckpoint();
    endStreams();
  }

  private static Item[] documents(Item[] items) {
    return Arrays.stream(items).filter(item -> !item.isEvent()).toArray(Item[]::new);
  }

  /** Its bucket is deleted: all writes are lost, and later ones are not recorded. */
  public synchronized void retire() {
    chronicle.lost(id, 0, NO_ITEMS);
    chronicle = Chronicle.NONE;
  }

  /** Becomes active, without items, with a new history. */
  public synchronized void recreate(CollectionsManifest current) {
    chronicle.lost(id, 0, NO_ITEMS);
    items = new ItemStore();
    failoverLog = new FailoverLog(limits.failoverLogEntries());
    highSeqno = 0;
    highCompletedSeqno = 0;
    openCheckpoint();
    state = VBucketState.ACTIVE;
    apply(current, CollectionEvent.allOf(current));
    endStreams();
  }

  private void endStreams() {
    epoch++;
    watchers.forEach(Watcher::stateChanged);
  }

  /**
   * Calls the watcher from the next change on, until {@link #unwatch}.
   *
   * @param knownEpoch the number of state changes that it knows of; if there were more, {@link
   *     Watcher#stateChanged} is called at once
   */
  public synchronized void watch(Watcher watcher, int knownEpoch) {
    watchers.add(watcher);
    if (knownEpoch != epoch) {
      watcher.stateChanged();
    }
  }

  public synchronized void unwatch(Watcher watcher) {
    watchers.remove(watcher);
  }

  /** Its streams see no change while it is muted; streams that are opened afterwards see all. */
  public synchronized void mute(boolean muted) {
    mute = muted;
  }

  /**
   * Its streams send no change with a larger seqno from now on, also not in the middle of a
   * snapshot. They begin no snapshot after it either, so that what is written meanwhile comes in
   * one snapshot when the limit is raised.
   *
   * @param seqno {@link #NO_LIMIT} to send everything, -1 to send nothing
   */
  public synchronized void limitStreams(long seqno) {
    streamLimit = seqno;
    watchers.forEach(Watcher::changed);
  }

  public long streamLimit() {
    return streamLimit;
  }

  public synchronized Tail after(long seqno) {
    if (mute) {
      return new Tail(NO_ITEMS, seqno, 0, 0, checkpoint);
    }
    Item[] tail = seqno >= highSeqno ? NO_ITEMS : items.after(seqno);
    return new Tail(tail, highSeqno, items.purgeSeqno(), highCompletedSeqno, checkpoint);
  }

  /** The same of what was persisted, which is less than there is. */
  public synchronized Tail after(long seqno, Copy persisted) {
    return mute
        ? after(seqno)
        : new Tail(
            persisted.items().after(seqno),
            persisted.highSeqno(),
            persisted.items().purgeSeqno(),
            persisted.highCompletedSeqno(),
            checkpoint);
  }

  public synchronized long highSeqno() {
    return highSeqno;
  }

  /** The high seqno of one collection, 0 when nothing happened in it. */
  public synchronized long highSeqno(int collectionId) {
    return items.highSeqno(collectionId);
  }

  public synchronized int documentCount() {
    return items.documentCount();
  }

  public synchronized byte[] failoverLog() {
    return failoverLog.encoded();
  }

  public synchronized long uuid() {
    return failoverLog.uuid();
  }

  /** The branch of a vbuuid, or null when the vbuuid is unknown. */
  public synchronized @Nullable Branch branchOf(long uuid) {
    return branchOf(uuid, failoverLog, highSeqno);
  }

  private static @Nullable Branch branchOf(long uuid, FailoverLog log, long highSeqno) {
    long upper = log.upper(uuid, highSeqno);
    return upper < 0 ? null : new Branch(uuid, upper, log.uuid(), highSeqno);
  }

  /**
   * Decides whether a stream may continue from a position.
   *
   * @param persistedSeqno what comes after it is in memory only
   */
  public synchronized StreamOpening startStream(
      StreamPosition asked, StreamFlags flags, long persistedSeqno) {
    long rollback = failoverLog.rollbackSeqno(asked, flags, highSeqno, items.purgeSeqno());
    long memoryFrom = Math.max(checkpointSeqno, highSeqno - limits.changesInMemory());
    boolean fromMemory =
        asked.startSeqno() >= persistedSeqno
            || (asked.startSeqno() > 0 && asked.startSeqno() >= memoryFrom);
    return new StreamOpening(rollback, failoverLog.encoded(), epoch, highSeqno, fromMemory);
  }

  private static long nowSeconds() {
    return System.currentTimeMillis() / 1000;
  }
}
