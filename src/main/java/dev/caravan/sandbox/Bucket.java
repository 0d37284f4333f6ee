// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * A bucket: vBuckets, and scopes and collections over them.
 *
 * <p>Its public methods change the documents from inside the process, as a program that writes over
 * the network would. Thread-safe: the monitor guards changes of the collections, which go to all
 * vBuckets one after the other; documents are guarded by their vBucket's lock alone.
 */
public final class Bucket {
  private final String name;
  private final String uuid = UUID.randomUUID().toString().replace("-", "");
  private final VBucket[] vbuckets;
  private final ConcurrentMap<String, DcpProducer> producers = new ConcurrentHashMap<>();
  private final DocumentCollection defaultCollection;
  private volatile boolean compressedOnDisk;
  private volatile CollectionsManifest manifest = CollectionsManifest.initial();

  Bucket(String name, int vbucketCount) {
    this.name = name;
    vbuckets = new VBucket[vbucketCount];
    for (int i = 0; i < vbucketCount; i++) {
      vbuckets[i] = new VBucket(i);
    }
    defaultCollection = new DocumentCollection(this, 0);
  }

  public String name() {
    return name;
  }

  String uuid() {
    return uuid;
  }

  /** How many vBuckets it has, a power of two from 1 to 1024. */
  public int vbucketCount() {
    return vbuckets.length;
  }

  /** Returns the vBucket, or null when the node doesn't serve it. */
  @Nullable VBucket vbucket(int id) {
    return id < vbuckets.length ? vbuckets[id] : null;
  }

  /** All of them, in the order of their ids. */
  List<VBucket> vbuckets() {
    return Collections.unmodifiableList(Arrays.asList(vbuckets));
  }

  VBucket vbucketOfKey(byte[] keyWithoutPrefix) {
    return vbuckets[vbucketOf(keyWithoutPrefix)];
  }

  /** The vBucket of a document by its id: bits 16 to 30 of the CRC32, as all clients compute it. */
  public int vbucketOf(String documentId) {
    return vbucketOf(documentId.getBytes(StandardCharsets.UTF_8));
  }

  private int vbucketOf(byte[] key) {
    CRC32 crc = new CRC32();
    crc.update(key);
    return (int) (crc.getValue() >> 16 & 0x7fff & vbuckets.length - 1);
  }

  CollectionsManifest manifest() {
    return manifest;
  }

  /** The open DCP connections by name, on which one connection replaces another. */
  ConcurrentMap<String, DcpProducer> producers() {
    return producers;
  }

  public DocumentCollection defaultCollection() {
    return defaultCollection;
  }

  /**
   * The collection of this name.
   *
   * @throws IllegalArgumentException when there is no such collection
   */
  public DocumentCollection collection(String scope, String collection) {
    return new DocumentCollection(this, requireCollection(scope, collection).id());
  }

  /** Writes a document of the default collection. */
  public void upsert(String documentId, String value) {
    defaultCollection.upsert(documentId, value);
  }

  /** Deletes a document of the default collection; returns false when there was none. */
  public boolean delete(String documentId) {
    return defaultCollection.delete(documentId);
  }

  /**
   * Writes the documents {@code doc-0} to {@code doc-(count-1)} of the default collection.
   *
   * @param count 0 or more
   * @param size bytes of each value, a JSON object of text that hardly compresses; a size below
   *     that of the smallest such object gives the smallest
   */
  public void load(long count, int size) {
    new Loader(this, size).load(count);
  }

  /**
   * Makes a scope.
   *
   * @throws IllegalArgumentException when it exists already
   */
  public synchronized void createScope(String scope) {
    CollectionsManifest changed = manifest.withScope(scope);
    CollectionsManifest.Scope created = changed.scope(scope).orElseThrow();
    apply(changed, List.of(CollectionEvent.created(created, changed.uid())));
  }

  /** Makes a collection whose documents live for ever. */
  public DocumentCollection createCollection(String scope, String collection) {
    return createCollection(scope, collection, 0);
  }

  /**
   * Makes a collection.
   *
   * @param maxTtlSeconds the longest life of its documents in seconds, 0 for no limit
   * @throws IllegalArgumentException when the scope doesn't exist or the collection does
   */
  public synchronized DocumentCollection createCollection(
      String scope, String collection, int maxTtlSeconds) {
    CollectionsManifest.Scope parent = requireScope(scope);
    CollectionsManifest changed = manifest.withCollection(parent, collection, maxTtlSeconds);
    CollectionsManifest.Collection created = changed.collection(parent, collection).orElseThrow();
    apply(changed, List.of(CollectionEvent.created(created, changed.uid())));
    return new DocumentCollection(this, created.id());
  }

  /** Drops a collection with its documents; they get no deletions of their own. */
  public synchronized void dropCollection(String scope, String collection) {
    CollectionsManifest.Collection dropped = requireCollection(scope, collection);
    CollectionsManifest changed = manifest.withoutCollection(dropped);
    apply(changed, List.of(CollectionEvent.dropped(dropped, changed.uid())));
  }

  /** Drops a scope with its collections. */
  public synchronized void dropScope(String scope) {
    CollectionsManifest.Scope dropped = requireScope(scope);
    CollectionsManifest changed = manifest.withoutScope(dropped);
    List<CollectionEvent> events = new ArrayList<>();
    // Only the last event of a change tells the new uid: a client that stops in between must ask
    // again.
    for (CollectionsManifest.Collection collection : manifest.collectionsOf(dropped.id())) {
      events.add(CollectionEvent.dropped(collection, manifest.uid()));
    }
    events.add(CollectionEvent.dropped(dropped, changed.uid()));
    apply(changed, events);
  }

  private void apply(CollectionsManifest changed, List<CollectionEvent> events) {
    manifest = changed;
    for (VBucket vbucket : vbuckets) {
      vbucket.apply(changed, events);
    }
  }

  private CollectionsManifest.Scope requireScope(String scope) {
    return manifest
        .scope(scope)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "bucket \"" + name + "\" has no scope \"" + scope + "\""));
  }

  private CollectionsManifest.Collection requireCollection(String scope, String collection) {
    return manifest
        .collection(requireScope(scope), collection)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "bucket \""
                        + name
                        + "\" has no collection \""
                        + scope
                        + "."
                        + collection
                        + "\""));
  }

  /** Expires all documents that are due, as a real node's expiry pager does; returns how many. */
  public int expireDue() {
    int expired = 0;
    for (VBucket vbucket : vbuckets) {
      expired += vbucket.expireDue();
    }
    return expired;
  }

  /** Forgets the tombstones, as a compaction after the purge interval does. */
  public void purgeTombstones() {
    for (VBucket vbucket : vbuckets) {
      vbucket.purgeTombstones();
    }
  }

  /** Starts a new branch of a vBucket's history, as a crash or a failover without loss does. */
  public void branch(int vbucket) {
    vbuckets[vbucket].branch();
  }

  /** What a replica of a vBucket has if it receives nothing from now on. */
  public VBucketReplica replica(int vbucket) {
    return new VBucketReplica(vbucket, vbuckets[vbucket].copy());
  }

  /**
   * Makes a replica the active one, as when the node of the vBucket is lost: its streams end, what
   * the replica had not received is gone, and a new branch of the history starts there.
   *
   * @throws IllegalStateException when the collections have changed since the replica was made
   */
  public synchronized void failOver(VBucketReplica replica) {
    if (replica.copy().manifest().uid() != manifest.uid()) {
      throw new IllegalStateException(
          "the collections of bucket \""
              + name
              + "\" changed after the replica of vBucket "
              + replica.vbucket()
              + " was made; make another one");
    }
    vbuckets[replica.vbucket()].failOver(replica.copy());
  }

  /** Deletes a vBucket with its documents and makes a new one in its place. */
  public synchronized void recreate(int vbucket) {
    vbuckets[vbucket].recreate(manifest);
  }

  /**
   * Changes the state of a vBucket, as a rebalance does; its streams end. Clients get to know of it
   * when they ask for the vBucket, or by {@link CouchbaseNode#publishClusterMap}.
   */
  public void setState(int vbucket, VBucketState state) {
    vbuckets[vbucket].setState(state);
  }

  /**
   * Keeps what is written from now on in memory: streams that start here or later get it in a
   * memory snapshot. Everything else comes from disk, as on a real node whose checkpoints are
   * written.
   */
  public void openCheckpoints() {
    for (VBucket vbucket : vbuckets) {
      vbucket.openCheckpoint();
    }
  }

  /**
   * Whether its files hold compressed values, so that those who can read it get every value of a
   * disk snapshot compressed; not by default.
   */
  public void compressOnDisk(boolean compressed) {
    compressedOnDisk = compressed;
  }

  boolean isCompressedOnDisk() {
    return compressedOnDisk;
  }

  /** The high seqno of a vBucket. */
  public long highSeqno(int vbucket) {
    return vbuckets[vbucket].highSeqno();
  }

  /** The UUID of the current branch of a vBucket's history. */
  public long vbuuid(int vbucket) {
    return vbuckets[vbucket].uuid();
  }

  /** How many documents it has; those that are due but not yet expired count. */
  public long documentCount() {
    long count = 0;
    for (VBucket vbucket : vbuckets) {
      count += vbucket.documentCount();
    }
    return count;
  }
}
