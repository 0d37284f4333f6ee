// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.highlevel.DatabaseChangeListener;
import com.couchbase.client.dcp.highlevel.Deletion;
import com.couchbase.client.dcp.highlevel.DocumentChange;
import com.couchbase.client.dcp.highlevel.FlowControlMode;
import com.couchbase.client.dcp.highlevel.Mutation;
import com.couchbase.client.dcp.highlevel.Rollback;
import com.couchbase.client.dcp.highlevel.SeqnoAdvanced;
import com.couchbase.client.dcp.highlevel.StreamFailure;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/** What a DCP client has received: documents by {@code scope.collection.id}, as they are now. */
public final class Changes implements DatabaseChangeListener {
  private final Map<String, String> documents = new ConcurrentHashMap<>();
  private final Set<String> deleted = ConcurrentHashMap.newKeySet();
  private final Map<Integer, Long> seqnos = new ConcurrentHashMap<>();
  private final Queue<String> rollbacks = new ConcurrentLinkedQueue<>();
  private final Queue<String> disorders = new ConcurrentLinkedQueue<>();

  public Changes(Client client) {
    client.listener(this, FlowControlMode.AUTOMATIC);
  }

  public Map<String, String> documents() {
    return documents;
  }

  public Set<String> deleted() {
    return deleted;
  }

  public Queue<String> rollbacks() {
    return rollbacks;
  }

  /** Changes whose seqno was not larger than that of the one before in their vBucket. */
  public Queue<String> disorders() {
    return disorders;
  }

  public long seqno(int vbucket) {
    return seqnos.getOrDefault(vbucket, 0L);
  }

  @Override
  public void onMutation(Mutation mutation) {
    note(mutation);
    documents.put(
        mutation.getQualifiedKey(), new String(mutation.getContent(), StandardCharsets.UTF_8));
  }

  @Override
  public void onDeletion(Deletion deletion) {
    note(deletion);
    documents.remove(deletion.getQualifiedKey());
    deleted.add(deletion.getQualifiedKey());
  }

  private void note(DocumentChange change) {
    long seqno = change.getOffset().getSeqno();
    Long before = seqnos.put(change.getVbucket(), seqno);
    if (before != null && before >= seqno) {
      disorders.add(change.getVbucket() + ": " + before + " then " + seqno);
    }
  }

  /** The seqno up to which nothing is for this client, whose filter passes none of it. */
  @Override
  public void onSeqnoAdvanced(SeqnoAdvanced advanced) {
    seqnos.put(advanced.getVbucket(), advanced.getOffset().getSeqno());
  }

  @Override
  public void onRollback(Rollback rollback) {
    rollbacks.add(rollback.getVbucket() + " to " + rollback.getSeqno());
    rollback.resume();
  }

  @Override
  public void onFailure(StreamFailure failure) {
    disorders.add(String.valueOf(failure.getCause()));
  }
}
