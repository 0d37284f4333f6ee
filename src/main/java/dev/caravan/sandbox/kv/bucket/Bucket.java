// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

import dev.caravan.sandbox.kv.store.Chronicle;
import dev.caravan.sandbox.kv.store.CollectionEvent;
import dev.caravan.sandbox.kv.store.CollectionsManifest;
import dev.caravan.sandbox.kv.store.VBucket;
import dev.caravan.sandbox.kv.store.VBucketLimits;
import dev.caravan.sandbox.kv.store.VBucketState;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
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
 * <p>Tests and commands write documents through its public methods; the effect is that of a client
 * that writes over the network. Thread-safe: the monitor guards changes of the collections, which
 * go to all vBuckets one after the other; documents are guarded by their vBucket's lock alone.
 */
public final class Bucket {
  private final String name;
  private final String uuid = UUID.randomUUID().toString().replace("-", "");
  private final VBucket[] vbuckets;
  private final ConcurrentMap<String, NamedConnection> connections = new ConcurrentHashMap<>();
  private final DocumentCollection defaultCollection;
  private final boolean ephemeral;
  private final int replicas;
  private final Replication replication = new Replication();
  private volatile VBucketMap map;
  private volatile boolean compressedOnDisk;
  private volatile long gatherMillis;
  private volatile CollectionsManifest manifest = CollectionsManifest.initial();

  /**
   * A bucket without documents.
   *
   * @param replicas of each vBucket; fewer if the map has too few nodes
   * @param chronicle records all writes and losses
   */
  public Bucket(
      String name,
      int vbucketCount,
      int replicas,
      boolean ephemeral,
      VBucketMap map,
      VBucketLimits limits,
      Chronicle chronicle) {
    this.name = name;
    this.replicas = replicas;
    this.ephemeral = ephemeral;
    this.map = map;
    vbuckets = new VBucket[vbucketCount];
    for (int i = 0; i < vbucketCount; i++) {
      vbuckets[i] = new VBucket(i, limits, chronicle);
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

  /** Whether it is of the ephemeral type; only the cluster map shows a difference. */
  public boolean isEphemeral() {
    return ephemeral;
  }

  int replicas() {
    return replicas;
  }

  /** Which nodes have its vBuckets. */
  public VBucketMap map() {
    return map;
  }

  Replication replication() {
    return replication;
  }

  /** The number of the node that has a vBucket. */
  public int nodeOf(int vbucket) {
    return map.active(vbucket);
  }

  /** Its vBuckets in the order of their ids. */
  List<VBucket> vbuckets() {
    return Collections.unmodifiableList(Arrays.asList(vbuckets));
  }

  /** The bucket as a node serves it. */
  public ServedBucket servedBy(int node) {
    return new ServedBucket(this, node);
  }

  /** Its cluster has deleted it: its history ends. */
  public void retire() {
    for (VBucket vbucket : vbuckets) {
      vbucket.retire();
    }
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

  /** The open DCP connections by name. */
  ConcurrentMap<String, NamedConnection> connections() {
    return connections;
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

  /** Makes a collection whose documents do not expire. */
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
    // Only the last event of a change has the new uid: a client that stops in between must ask
    // again.
    for (CollectionsManifest.Collection collection : manifest.collectionsOf(dropped.id())) {
      events.add(CollectionEvent.dropped(collection, manifest.uid()));
    }
    events.add(CollectionEvent.dropped(dropped, changed.uid()));
    apply(changed, events);
  }

  private void apply(CollectionsManifest changed, List<CollectionEvent> events) {
    replication.catchUp();
    manifest = changed;
    for (VBucket vbucket : vbuckets) {
      vbucket.apply(changed, events);
    }
    replication.renewPersisted(this::replica);
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

  /** A replica of a vBucket that receives nothing from now on. */
  public VBucketReplica replica(int vbucket) {
    return new VBucketReplica(vbucket, vbuckets[vbucket].copy());
  }

  /**
   * The replica after it received the first changes of a snapshot of all that it lacks. If it is
   * made active before it has received the whole snapshot, the new branch of the history starts
   * where the snapshot started, below its high seqno, as on a real node.
   *
   * @param changes how many changes it receives, 0 or more
   * @throws IllegalStateException when the collections have changed since the replica was made
   */
  public synchronized VBucketReplica receive(VBucketReplica replica, int changes) {
    requireSameCollections(replica);
    VBucket vbucket = vbuckets[replica.vbucket()];
    return new VBucketReplica(vbucket.id(), vbucket.received(replica.copy(), changes));
  }

  private void requireSameCollections(VBucketReplica replica) {
    if (replica.copy().manifest().uid() != manifest.uid()) {
      throw new IllegalStateException(
          "the collections of bucket \""
              + name
              + "\" changed after the replica of vBucket "
              + replica.vbucket()
              + " was made; make another one");
    }
  }

  /**
   * Makes a replica the active one, as when the node of the vBucket is lost. Its streams end,
   * changes that the replica had not received are lost, and a new branch of the history starts.
   *
   * @throws IllegalStateException when the collections have changed since the replica was made
   */
  public synchronized void failOver(VBucketReplica replica) {
    requireSameCollections(replica);
    vbuckets[replica.vbucket()].failOver(replica.copy());
    replication.forget(replica.vbucket());
  }

  /** Makes replicas active where another node is the active one in this map. */
  public synchronized void failOver(VBucketMap changed) {
    VBucketMap before = map;
    // First, so that a stream which ends now is not opened again at the node that is out.
    map = changed;
    for (VBucket vbucket : vbuckets) {
      int promoted = changed.active(vbucket.id());
      if (promoted == before.active(vbucket.id())) {
        continue;
      }
      VBucketReplica lagging = replication.lagging(promoted, vbucket.id());
      if (lagging == null) {
        vbucket.branch();
      } else {
        vbucket.failOver(lagging.copy());
        replication.forget(vbucket.id());
      }
    }
  }

  /** Applies a map that a rebalance made; replicas are up to date afterwards. */
  public synchronized void move(VBucketMap changed) {
    VBucketMap before = map;
    map = changed;
    replication.catchUp();
    for (VBucket vbucket : vbuckets) {
      if (changed.active(vbucket.id()) != before.active(vbucket.id())) {
        vbucket.move();
      }
    }
  }

  /** Deletes a vBucket with its documents and makes a new one in its place. */
  public synchronized void recreate(int vbucket) {
    vbuckets[vbucket].recreate(manifest);
    replication.forget(vbucket);
  }

  /** Deletes all documents with their history and replaces every vBucket by a new one. */
  public synchronized void flush() {
    for (int vbucket = 0; vbucket < vbuckets.length; vbucket++) {
      recreate(vbucket);
    }
  }

  /**
   * Stops the persistence of a node's vBuckets and replicas until {@link #resumePersistence}, like
   * a disk that is stuck. A change of the collections is still persisted, with all writes before
   * it. Clients that wait for persistence wait, streams read the persisted changes from disk, and
   * {@link #crash} loses the others.
   */
  public void stopPersistence(int node) {
    for (VBucket vbucket : vbuckets) {
      if (map.chain(vbucket.id()).contains(node)) {
        replication.holdPersistence(node, vbucket);
      }
    }
  }

  public void resumePersistence(int node) {
    replication.persist(node);
  }

  /**
   * The process of a node was killed and restarted: its active vBuckets continue with the persisted
   * changes, on a new branch of their history, and their streams end. Everything is persisted
   * unless {@link #stopPersistence} was called, whose effect ends here.
   */
  public synchronized void crash(int node) {
    for (VBucket vbucket : vbuckets) {
      if (map.active(vbucket.id()) == node) {
        VBucketReplica persisted = replication.persisted(node, vbucket.id());
        if (persisted == null) {
          vbucket.branch();
        } else {
          vbucket.failOver(persisted.copy());
          replication.forget(vbucket.id());
        }
      }
    }
    replication.persist(node);
  }

  /**
   * The replicas on a node receive nothing more until {@link #resumeReplication}, a rebalance or a
   * change of the collections. Later writes are lost if one of them is made active.
   */
  public void stopReplication(int node) {
    for (VBucket vbucket : vbuckets) {
      if (map.hasReplica(vbucket.id(), node)) {
        replication.lag(node, vbucket);
      }
    }
  }

  /**
   * Each lagging replica on a node receives this number of the first changes that it lacks; see
   * {@link #receive}.
   *
   * @param changes 0 or more
   */
  public synchronized void replicatePartly(int node, int changes) {
    for (VBucket vbucket : vbuckets) {
      VBucketReplica lagging = replication.lagging(node, vbucket.id());
      if (lagging != null) {
        replication.receive(node, receive(lagging, changes));
      }
    }
  }

  public void resumeReplication(int node) {
    replication.catchUp(node);
  }

  /**
   * Changes the state of a vBucket as a rebalance does; its streams end. Clients see the change
   * when they ask for the vBucket, or when the node publishes its cluster map.
   */
  public void setState(int vbucket, VBucketState state) {
    vbuckets[vbucket].setState(state);
  }

  /**
   * Stops the streams of a vBucket, like those of a client that doesn't acknowledge. All writes
   * until {@link #releaseStreams(int)} are one snapshot without superseded versions. Streams still
   * end when the vBucket changes its state.
   */
  public void holdStreams(int vbucket) {
    vbuckets[vbucket].limitStreams(-1);
  }

  /**
   * The streams of a vBucket send the changes up to a seqno, and may stop in the middle of a
   * snapshot, whose marker says where it ends.
   */
  public void releaseStreams(int vbucket, long upToSeqno) {
    vbuckets[vbucket].limitStreams(upToSeqno);
  }

  /** The streams of a vBucket send everything again. */
  public void releaseStreams(int vbucket) {
    vbuckets[vbucket].limitStreams(VBucket.NO_LIMIT);
  }

  /**
   * Lets the streams of a vBucket send nothing although it changes, like a known fault of a real
   * node. Streams that are opened after the end of the fault send the missing changes.
   */
  public void mute(int vbucket, boolean muted) {
    vbuckets[vbucket].mute(muted);
  }

  /**
   * Opens a new checkpoint in each vBucket and keeps no old one in memory. A stream that starts
   * before it reads from disk, and the next memory snapshot of a stream is marked as a new
   * checkpoint.
   */
  public void openCheckpoints() {
    for (VBucket vbucket : vbuckets) {
      vbucket.openCheckpoint();
    }
  }

  /** The process of a node ends, so that its vBuckets are on disk only. */
  public void forgetMemory(int node) {
    for (VBucket vbucket : vbuckets) {
      if (map.active(vbucket.id()) == node) {
        vbucket.openCheckpoint();
      }
    }
  }

  /**
   * Sets how long an idle stream waits after a change for further ones. One snapshot then holds all
   * of them, without versions that were superseded meanwhile. A busy real node does this.
   *
   * @param interval whole milliseconds; zero, the default, for none
   */
  public void gatherChanges(Duration interval) {
    if (interval.isNegative()) {
      throw new IllegalArgumentException("interval must not be negative, was " + interval);
    }
    gatherMillis = interval.toMillis();
  }

  long gatherMillis() {
    return gatherMillis;
  }

  /**
   * Sets whether its files hold compressed values; they don't by default. Clients that support
   * compression then get every value of a disk snapshot compressed.
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

  /** The number of documents, including documents that are due but not yet expired. */
  public long documentCount() {
    long count = 0;
    for (VBucket vbucket : vbuckets) {
      count += vbucket.documentCount();
    }
    return count;
  }
}
