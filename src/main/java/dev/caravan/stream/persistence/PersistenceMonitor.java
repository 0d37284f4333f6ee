// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.persistence;

import dev.caravan.stream.cluster.ClusterMap;
import dev.caravan.stream.settings.VbucketSelection;
import java.nio.channels.NotYetConnectedException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.IntToLongFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Asks the nodes of a session how far vBuckets are persisted, for the {@link GatedConnection}s of
 * its connections. Asked is only for vBuckets of which a gate holds events: at most once an
 * interval for each copy, and not at all while nothing waits.
 *
 * <p>(The client's own rollback mitigation has a timer for each copy that a node keeps of each of
 * the bucket's vBuckets, whether or not they are streamed, and asks for all their failover logs
 * whenever the cluster map changes.)
 *
 * <p>Thread-safe. Nothing here blocks, and gates are called without the lock.
 */
public final class PersistenceMonitor {
  /** How soon is asked after the first event that waits: about what a node takes to persist it. */
  private static final Duration FIRST_DELAY = Duration.ofMillis(10);

  /** How many intervals a node that refuses is not asked. */
  private static final int REFUSED_INTERVALS = 10;

  private final long intervalNanos;
  private final Supplier<@Nullable ClusterMap> maps;
  private final IntToLongFunction vbuuids;
  private final Set<GatedConnection> gates = ConcurrentHashMap.newKeySet();
  private final Map<Integer, GatedConnection> waiting = new HashMap<>();
  private final Map<Integer, PersistedCopies> copies = new HashMap<>();
  private final AtomicLongArray persisted = new AtomicLongArray(VbucketSelection.MAX_VBUCKETS);
  private @Nullable ClusterMap map;
  private boolean isScheduled;
  private long lastNanos;

  /**
   * @param interval how often to ask, more than zero
   * @param maps the cluster map that counts now; null until there is one
   * @param vbuuids the vbuuid of a vBucket's stream
   */
  public PersistenceMonitor(
      Duration interval, Supplier<@Nullable ClusterMap> maps, IntToLongFunction vbuuids) {
    this.intervalNanos = interval.toNanos();
    this.maps = maps;
    this.vbuuids = vbuuids;
    this.lastNanos = System.nanoTime() - intervalNanos;
  }

  public void opened(GatedConnection gate) {
    gates.add(gate);
  }

  /** A connection is closed, and its gate holds nothing any more. */
  public void closed(GatedConnection gate) {
    gates.remove(gate);
    synchronized (this) {
      waiting.values().removeIf(holder -> holder == gate);
    }
  }

  /** Whether a change is known to be persisted everywhere. */
  public boolean isPersisted(int vbucket, long seqno) {
    return Long.compareUnsigned(seqno, persisted.get(vbucket)) <= 0;
  }

  /** Notes up to which seqno, unsigned, a vBucket is persisted everywhere; 0 if not known. */
  public void persisted(int vbucket, long seqno) {
    persisted.set(vbucket, seqno);
  }

  /** A gate begins to hold events of a vBucket. */
  public synchronized void waits(int vbucket, GatedConnection gate) {
    waiting.put(vbucket, gate);
    schedule(gate);
  }

  /** A gate has no event of a vBucket any more. */
  public synchronized void waitsNoMore(int vbucket, GatedConnection gate) {
    waiting.remove(vbucket, gate);
  }

  /** Discards the state of a vBucket whose stream is opened again, perhaps in another history. */
  public synchronized void forget(int vbucket) {
    copies.remove(vbucket);
    persisted.set(vbucket, 0);
  }

  /** There may be another cluster map: copies have other nodes, so that all must be asked again. */
  public synchronized void mapChanged() {
    ClusterMap now = maps.get();
    if (now != map) {
      map = now;
      copies.clear();
      for (int vbucket = 0; vbucket < persisted.length(); vbucket++) {
        persisted.set(vbucket, 0);
      }
    }
  }

  private void schedule(GatedConnection gate) {
    if (isScheduled) {
      return;
    }
    long delay =
        Math.max(
            Math.min(FIRST_DELAY.toNanos(), intervalNanos),
            lastNanos + intervalNanos - System.nanoTime());
    try {
      Runnable next = this::ask;
      gate.executor().schedule(next, delay, TimeUnit.NANOSECONDS);
      isScheduled = true;
    } catch (RejectedExecutionException e) {
      // The threads are being stopped, and their connections closed.
    }
  }

  private void ask() {
    mapChanged();
    Map<Question, GatedConnection> questions = new HashMap<>();
    synchronized (this) {
      isScheduled = false;
      long now = System.nanoTime();
      lastNanos = now;
      for (int vbucket : waiting.keySet()) {
        addQuestions(vbucket, now, questions);
      }
      Iterator<GatedConnection> holders = waiting.values().iterator();
      if (holders.hasNext()) {
        schedule(holders.next());
      }
    }
    questions.forEach(this::ask);
  }

  /**
   * One question to one node.
   *
   * @param of which vBucket's copies the answer belongs to, as long as they are the current ones
   */
  private record Question(int vbucket, int copy, long vbuuid, PersistedCopies of) {}

  private void addQuestions(int vbucket, long now, Map<Question, GatedConnection> questions) {
    ClusterMap current = map;
    if (current == null) {
      return;
    }
    PersistedCopies all =
        copies.computeIfAbsent(
            vbucket, missing -> new PersistedCopies(current.copies(vbucket), now));
    for (int copy = 0; copy < all.count(); copy++) {
      Set<String> node = current.node(vbucket, copy);
      if (node.isEmpty()) {
        all.absent(copy);
        continue;
      }
      GatedConnection gate = gateTo(node);
      if (gate != null && all.mayAsk(copy, now)) {
        questions.put(
            new Question(vbucket, copy, all.ask(copy, vbuuids.applyAsLong(vbucket)), all), gate);
      }
    }
  }

  private @Nullable GatedConnection gateTo(Set<String> node) {
    for (GatedConnection gate : gates) {
      if (node.contains(gate.address())) {
        return gate;
      }
    }
    return null;
  }

  private void ask(Question question, GatedConnection gate) {
    gate.observe(question.vbucket(), question.vbuuid())
        .whenComplete(
            (answer, error) -> {
              if (error == null) {
                answered(question, answer);
              } else {
                failed(question, error);
              }
            });
  }

  private synchronized void failed(Question question, Throwable error) {
    // A connection that is only being made is asked again the next time.
    long pause = error instanceof NotYetConnectedException ? 0 : REFUSED_INTERVALS * intervalNanos;
    question.of().refused(question.copy(), System.nanoTime() + pause);
  }

  private void answered(Question question, GatedConnection.Observed answer) {
    int vbucket = question.vbucket();
    GatedConnection holder;
    long everywhere;
    synchronized (this) {
      question.of().answered(question.copy(), answer.vbuuid(), answer.seqno());
      if (copies.get(vbucket) != question.of()) {
        return;
      }
      everywhere = question.of().everywhere();
      persisted(vbucket, everywhere);
      holder = waiting.get(vbucket);
    }
    if (holder != null && everywhere != 0) {
      holder.release(vbucket);
    }
  }
}
