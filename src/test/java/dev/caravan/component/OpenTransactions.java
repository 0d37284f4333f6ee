// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import dev.caravan.offset.Offset;
import dev.caravan.offset.TransactionalOffsetStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A topic and its offsets in memory, with transactions: what a route sends, and the offsets, are
 * there once they are committed. Thread-safe.
 */
final class OpenTransactions implements TransactionalOffsetStore {
  private final Duration interval;
  private final List<String> records = new ArrayList<>();
  private final Map<Integer, Offset> offsets = new HashMap<>();
  private final List<String> sent = new ArrayList<>();
  private final Map<Integer, Offset> saved = new HashMap<>();
  private boolean isOpen;
  private int refusedSaves;
  private int aborted;
  private int commits;
  private CompletableFuture<Void> committed = new CompletableFuture<>();

  OpenTransactions(Duration interval) {
    this.interval = interval;
  }

  /** Sends a record in the transaction that is open now. */
  synchronized void send(String record) {
    if (!isOpen) {
      throw new IllegalStateException("closed");
    }
    sent.add(record);
  }

  /** Fails the next saves, as a producer does that can't send. */
  synchronized void refuseSaves(int count) {
    refusedSaves = count;
  }

  synchronized List<String> records() {
    return List.copyOf(records);
  }

  /** How many transactions with records were not committed. */
  synchronized int aborted() {
    return aborted;
  }

  synchronized int commits() {
    return commits;
  }

  @Override
  public synchronized void open() {
    close();
    isOpen = true;
  }

  @Override
  public synchronized Map<Integer, Offset> load(String bucket, Collection<Integer> vbuckets) {
    Map<Integer, Offset> result = new HashMap<>(offsets);
    result.keySet().retainAll(vbuckets);
    return result;
  }

  @Override
  public Duration commitInterval() {
    return interval;
  }

  @Override
  public synchronized CompletionStage<Void> save(String bucket, Map<Integer, Offset> toSave) {
    if (refusedSaves > 0) {
      refusedSaves--;
      return CompletableFuture.failedFuture(new OffsetsRefused());
    }
    saved.putAll(toSave);
    return committed;
  }

  @Override
  public void commit() {
    CompletableFuture<Void> done;
    synchronized (this) {
      records.addAll(sent);
      offsets.putAll(saved);
      sent.clear();
      saved.clear();
      commits++;
      done = committed;
      committed = new CompletableFuture<>();
    }
    done.complete(null);
  }

  @Override
  public boolean isRetriable(Throwable failure) {
    return failure instanceof OffsetsRefused;
  }

  @Override
  public synchronized void close() {
    if (!sent.isEmpty()) {
      aborted++;
    }
    sent.clear();
    saved.clear();
    isOpen = false;
    committed = new CompletableFuture<>();
  }

  /** An offset could not be sent. */
  static final class OffsetsRefused extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }
}
