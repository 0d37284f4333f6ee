/**
 * An in-process Couchbase node, to try Caravan on, to test it against and to measure it with.
 *
 * <p>It imitates the KV service of a node of the 7.2 line as its clients see it: bootstrap and
 * authentication, documents with CAS, expiry and collections, and DCP with snapshots, rollback,
 * filters and flow control. Where a real node's answer is known from a recording, it gives that
 * answer; what it doesn't know, it answers as a real node answers an unknown command.
 *
 * <p>What it does not imitate, and why:
 *
 * <ul>
 *   <li>Persistence and replicas: documents are in memory, count as persisted at once, and a
 *       durable write succeeds at once (it takes the seqno of its prepare, as a real one does).
 *       Nothing of DCP looks different for that.
 *   <li>Services other than KV: the clients don't need them to read, write and stream. Of the
 *       cluster manager there is the one page that {@code waitUntilReady} of the Java SDK asks for.
 *   <li>Sub-document commands, counters, append and touch: they reach DCP as plain mutations.
 *       Documents with extended attributes are made from inside the process.
 *   <li>DCP stream ids, sync-write streams, out-of-order snapshots and FlatBuffers events: a server
 *       need not have them, and refuses their controls or does without.
 *   <li>Compression of its own: a value goes out as its writer stored it, unless a client forces
 *       compression, so that a benchmark measures its consumer.
 *   <li>The expiry pager's clock: documents expire when they are read, when a backfill meets them,
 *       and when {@link dev.caravan.sandbox.Bucket#expireDue()} is called, so that a test decides
 *       when.
 *   <li>Pushed cluster maps: there is one node, and its map never changes.
 *   <li>Rights on single scopes and collections.
 * </ul>
 */
package dev.caravan.sandbox;
