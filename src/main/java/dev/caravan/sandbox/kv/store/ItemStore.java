// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The latest version of everything in a vBucket: in seqno order, and the documents by key.
 *
 * <p>Invariant: the order and the index hold the same documents. Not thread-safe: guarded by its
 * vBucket's lock.
 */
final class ItemStore {
  private final SeqnoLog log = new SeqnoLog();
  private final KeyIndex documents = new KeyIndex();
  private final Map<Long, Item> events = new HashMap<>();
  private final Map<Integer, Long> highSeqnos = new HashMap<>();
  private long purgeSeqno;
  private long maxDeletedRevSeqno;
  private int documentCount;

  /** The document or its tombstone, or null. */
  @Nullable Item get(byte[] key) {
    return documents.get(key);
  }

  /** Adds a version of a document in place of the one before, which may be null. */
  void put(Item item, @Nullable Item superseded) {
    log.append(item, superseded);
    documents.put(item);
    highSeqnos.put(item.collectionId(), item.seqno());
    documentCount += count(item) - (superseded == null ? 0 : count(superseded));
    if (item.isTombstone()) {
      maxDeletedRevSeqno = Math.max(maxDeletedRevSeqno, item.revSeqno());
    }
  }

  /** Adds an item that was made elsewhere, in place of the version before, if there is one. */
  void add(Item item) {
    if (item.isEvent()) {
      putEvent(item);
    } else {
      put(item, documents.get(item.key()));
    }
  }

  private static int count(Item item) {
    return item.isMutation() ? 1 : 0;
  }

  /** The revision of a new version; one without a version before is newer than all deleted ones. */
  long nextRevSeqno(@Nullable Item superseded) {
    return superseded == null ? maxDeletedRevSeqno + 1 : superseded.revSeqno() + 1;
  }

  /** Adds an event in place of the one about the same scope or collection. */
  void putEvent(Item event) {
    boolean ofScope =
        event.kind() == Item.Kind.SCOPE_CREATED || event.kind() == Item.Kind.SCOPE_DROPPED;
    Item superseded = events.put((ofScope ? 1L << Integer.SIZE : 0) | event.eventId(), event);
    log.append(event, superseded);
    if (event.kind() == Item.Kind.COLLECTION_CREATED) {
      highSeqnos.put(event.eventId(), event.seqno());
    }
  }

  /** Forgets the documents of a collection, which get no tombstones. */
  void dropCollection(int collectionId) {
    for (Item item : log.after(0)) {
      if (!item.isEvent() && item.collectionId() == collectionId) {
        log.remove(item);
        documentCount -= count(item);
      }
    }
    documents.retain(item -> item.collectionId() != collectionId);
    highSeqnos.remove(collectionId);
  }

  /** Forgets the tombstones below a seqno; the newest forgotten one is the purge seqno. */
  void purgeTombstones(long belowSeqno) {
    for (Item item : log.after(0)) {
      if (item.isTombstone() && item.seqno() < belowSeqno) {
        log.remove(item);
        purgeSeqno = item.seqno();
      }
    }
    long purged = purgeSeqno;
    documents.retain(item -> !item.isTombstone() || item.seqno() > purged);
  }

  /** The items after a seqno, in order, in an array of the caller's own. */
  Item[] after(long seqno) {
    return log.after(seqno);
  }

  long purgeSeqno() {
    return purgeSeqno;
  }

  /** The high seqno of one collection, 0 when nothing happened in it. */
  long highSeqno(int collectionId) {
    return highSeqnos.getOrDefault(collectionId, 0L);
  }

  int documentCount() {
    return documentCount;
  }

  /** Another store with the same items. */
  ItemStore copy() {
    ItemStore copy = new ItemStore();
    for (Item item : log.after(0)) {
      copy.add(item);
    }
    copy.highSeqnos.putAll(highSeqnos);
    copy.purgeSeqno = purgeSeqno;
    copy.maxDeletedRevSeqno = maxDeletedRevSeqno;
    return copy;
  }
}
