// SPDX-License-Identifier: Apache-2.0
/**
 * Couchbase and Kafka in one process, to try Caravan, to test it and to measure it: {@link
 * dev.caravan.sandbox.Sandbox} starts both.
 *
 * <p>The Kafka broker is a real one. The Couchbase node imitates the KV service of a node of the
 * 7.2 line as its clients see it: bootstrap and authentication, documents with CAS, expiry,
 * extended attributes and collections, cluster maps, vBuckets that change state and fail over, and
 * DCP with snapshots, rollback, filters and flow control. Where a real node's answer is known from
 * a recording, it gives that answer; {@code recorded-cases.txt} beside the tests names the test of
 * each recorded case. It answers other commands as a real node answers an unknown command.
 *
 * <p>It does not imitate the following:
 *
 * <ul>
 *   <li>A node that is not ready: it listens when its buckets are ready, so no client gets
 *       ETMPFAIL.
 *   <li>The cluster manager's commands: vBucket states, manifests, compaction and buckets are
 *       changed through the Java API, where a test can see both sides. Only {@code
 *       SET_CLUSTER_CONFIG} is there. Of the manager's pages there is only the one that {@code
 *       waitUntilReady} of the Java SDK reads.
 *   <li>Persistence: documents are in memory. They count as persisted at once unless {@link
 *       dev.caravan.sandbox.kv.bucket.Bucket#stopPersistence} was called, and survive a stop of the
 *       node. A node that is killed by {@link dev.caravan.sandbox.cluster.CouchbaseCluster#crash}
 *       loses what wasn't persisted. A durable write takes the seqno of its prepare and is
 *       committed in the same moment. So a snapshot never ends between the two, and no client
 *       receives a prepare.
 *   <li>Replication: a replica is what its active vBucket is, until {@link
 *       dev.caravan.sandbox.kv.bucket.Bucket#stopReplication} leaves it behind, and {@link
 *       dev.caravan.sandbox.kv.bucket.Bucket#replicatePartly} in the middle of a snapshot. A client
 *       can ask for its seqnos and its failover log, but only the active node streams. A change of
 *       the collections brings all replicas up to date.
 *   <li>A rebalance that takes time: all vBuckets move at once. A failover that leaves vBuckets
 *       without an owner is refused.
 *   <li>Out-of-order snapshots: a real node sends them when it expects to gain by that; this one
 *       never does.
 *   <li>Statistics: no client of ours asks for them.
 *   <li>Checkpoints: a number of the last changes of a vBucket is in memory, whatever their size,
 *       and everything is on disk too. A stream from the beginning reads from disk. Only a
 *       collection event, a restart, a failover and {@link
 *       dev.caravan.sandbox.kv.bucket.Bucket#openCheckpoints} start another checkpoint, and a
 *       stream that is behind gets the changes of several checkpoints under one marker.
 *   <li>Compression of its own: a value goes out as its writer stored it, unless a client forces
 *       compression or {@link dev.caravan.sandbox.kv.bucket.Bucket#compressOnDisk} says that the
 *       files are compressed, so that a benchmark measures its consumer.
 *   <li>The expiry pager's clock: documents expire when they are read, when a backfill meets them,
 *       and when {@link dev.caravan.sandbox.kv.bucket.Bucket#expireDue()} is called, so that a test
 *       decides when.
 *   <li>Macros, deleted documents and single-path commands in subdocument access: the SDKs don't
 *       send them by default. An edited body is written without its white space.
 *   <li>Other services: the clients don't need them to read, write and stream.
 * </ul>
 */
@NullMarked
package dev.caravan.sandbox;

import org.jspecify.annotations.NullMarked;
