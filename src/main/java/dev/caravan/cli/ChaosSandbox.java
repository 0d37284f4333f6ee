// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli;

import dev.caravan.sandbox.Bucket;
import dev.caravan.sandbox.CouchbaseNode;
import dev.caravan.sandbox.Mutation;
import dev.caravan.sandbox.VBucketReplica;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/** The sandbox as a target: it can have everything go wrong. Thread-safe. */
final class ChaosSandbox implements ChaosTarget {
  private static final String BUCKET = "chaos";

  private final CouchbaseNode node;
  private final Bucket bucket;

  /** Held while a failover decides what is lost, so that the ledger has what it takes away. */
  private final Object writing = new Object();

  private ChaosSandbox(CouchbaseNode node) {
    this.node = node;
    this.bucket = node.bucket(BUCKET);
  }

  static ChaosSandbox start(int vbuckets) throws IOException {
    return new ChaosSandbox(CouchbaseNode.builder().vbuckets(vbuckets).bucket(BUCKET).start());
  }

  @Override
  public void upsert(String documentId, String json, ChaosLedger ledger) {
    synchronized (writing) {
      add(ledger, documentId, bucket.defaultCollection().upsert(documentId, json), false);
    }
  }

  @Override
  public void delete(String documentId, ChaosLedger ledger) {
    synchronized (writing) {
      bucket
          .defaultCollection()
          .remove(documentId)
          .ifPresent(deletion -> add(ledger, documentId, deletion, true));
    }
  }

  private static void add(
      ChaosLedger ledger, String documentId, Mutation mutation, boolean deletion) {
    ledger.add(
        new ChaosWrite(
            ledger.size(),
            documentId,
            mutation.vbucket(),
            mutation.vbuuid(),
            mutation.seqno(),
            mutation.cas(),
            deletion));
  }

  @Override
  public Map<String, String> connectorConfig() {
    return Map.of(
        "couchbase.nodes",
        node.host() + ":" + node.port(),
        "couchbase.bucket",
        BUCKET,
        "couchbase.username",
        CouchbaseNode.ADMINISTRATOR,
        "couchbase.password",
        CouchbaseNode.ADMINISTRATOR_PASSWORD);
  }

  @Override
  public List<ChaosFault> faults(ChaosLedger ledger) {
    return List.of(
        new ChaosFault("failover", this::failOver),
        new ChaosFault("failover with loss", random -> failOverWithLoss(random, ledger)));
  }

  private String failOver(Random random) {
    int vbucket = random.nextInt(bucket.vbucketCount());
    bucket.branch(vbucket);
    return "vBucket " + vbucket;
  }

  private String failOverWithLoss(Random random, ChaosLedger ledger) throws InterruptedException {
    int vbucket = random.nextInt(bucket.vbucketCount());
    VBucketReplica replica = bucket.replica(vbucket);
    TimeUnit.MILLISECONDS.sleep(random.nextInt(1000));
    synchronized (writing) {
      long before = bucket.highSeqno(vbucket);
      bucket.failOver(replica);
      long after = bucket.highSeqno(vbucket);
      ledger.lose(vbucket, after);
      return "vBucket " + vbucket + " from seqno " + before + " to " + after;
    }
  }

  @Override
  public void close() {
    node.close();
  }
}
