// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import com.couchbase.client.dcp.message.PartitionAndSeqno;
import dev.caravan.stream.client.ConnectionMonitor;
import dev.caravan.stream.client.SessionEnd;
import dev.caravan.stream.client.StreamOpener;
import dev.caravan.stream.client.StreamStates;
import dev.caravan.stream.cluster.ConnectionFailure;
import dev.caravan.stream.cluster.ConnectionFailure.Reason;
import dev.caravan.stream.progress.LastReceivedSeqnos;
import dev.caravan.stream.progress.StreamEnds;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that no vBucket stops in silence: now and then it asks the nodes how far the selected
 * collections have come. A stream that has sent nothing for a while, although there is something to
 * send, is opened again; if that doesn't help, {@link #failure} names the vBucket.
 *
 * <p>A stream that may not send isn't stalled: one whose connection's flow-control window was full
 * meanwhile, because the route is slow, suspended or throttled. Neither is one whose events are
 * held back until they are persisted: they have arrived. A stream that has a backlog to read gets
 * ten times as long, since a node reads backlogs one after the other.
 *
 * <p>A vBucket in which nothing happens but in other collections stays behind, rightly. If it is
 * far behind, its stream is opened again now and then: that brings a SEQNO_ADVANCED, without which
 * its saved offset would be purged some day, and everything would be read again.
 *
 * <p>For the thread that looks after the bucket; {@link #failure} is for any.
 */
final class StallDetector {
  private static final Logger LOG = LoggerFactory.getLogger(StallDetector.class);

  private static final int CHECKS_PER_TIMEOUT = 4;
  private static final int BACKLOG_TIMEOUTS = 10;

  /** How far a vBucket may be behind because of other collections. */
  private static final long FAR_BEHIND = 1_000;

  /** How many streams are opened again at once for that. */
  private static final int REOPENED_AT_ONCE = 16;

  private final String bucket;
  private final long timeoutNanos;
  private final Set<String> collections;
  private final LastReceivedSeqnos lastReceived;
  private final StreamEnds ends;
  private final Collection<ConnectionMonitor> connections;
  private final StreamStates states;
  private final StreamOpener opener;
  private final SessionEnd sessionEnd;
  private final Map<Integer, Behind> behind = new HashMap<>();
  private final Map<Integer, Long> advancedNanos = new HashMap<>();
  private final BitSet caughtUp = new BitSet();
  private final Set<Integer> stalled = new ConcurrentSkipListSet<>();
  private final long startNanos = System.nanoTime();
  private long nextNanos = startNanos;
  private Round round = new Round(Map.of(), List.of());

  /**
   * @param timeout how long a stream may send nothing; zero for ever
   * @param collections qualified names of the selected collections; empty for the whole bucket
   * @param connections those that exist at the moment
   */
  StallDetector(
      String bucket,
      Duration timeout,
      Set<String> collections,
      LastReceivedSeqnos lastReceived,
      StreamEnds ends,
      Collection<ConnectionMonitor> connections,
      StreamStates states,
      StreamOpener opener,
      SessionEnd sessionEnd) {
    this.bucket = bucket;
    this.timeoutNanos = timeout.toNanos();
    this.collections = collections;
    this.lastReceived = lastReceived;
    this.ends = ends;
    this.connections = connections;
    this.states = states;
    this.opener = opener;
    this.sessionEnd = sessionEnd;
  }

  /** How far vBuckets are, as the nodes say. The answers of one round of questions. */
  private record Round(
      Map<ConnectionMonitor, Map<Integer, High>> answers, List<CompletableFuture<?>> pending) {
    boolean isComplete() {
      return pending.stream().allMatch(CompletableFuture::isDone);
    }
  }

  /**
   * @param selected the last seqno in a selected collection, unsigned
   * @param any the last seqno in any collection, unsigned
   */
  private record High(long selected, long any) {
    High max(High other) {
      return new High(
          Long.compareUnsigned(selected, other.selected) > 0 ? selected : other.selected,
          Long.compareUnsigned(any, other.any) > 0 ? any : other.any);
    }
  }

  /** A vBucket that has something to send, and what became of it so far. */
  private record Behind(long arrived, long sinceNanos, boolean reopened) {}

  /** Names the streams that stay silent after they were opened again; null if there are none. */
  @Nullable ConnectionFailure failure() {
    return stalled.isEmpty()
        ? null
        : new ConnectionFailure(
            Reason.STALLED,
            "vBuckets "
                + stalled
                + " of bucket '"
                + bucket
                + "' send nothing, although they have changed; opening their streams again didn't"
                + " help. Are their nodes well?");
  }

  /** Evaluates the last answers and asks again, if it is time to. Needs open streams. */
  void poll(long now, Collection<Integer> vbuckets) {
    if (timeoutNanos == 0 || now - nextNanos < 0 || !round.isComplete()) {
      return;
    }
    List<Long> collectionIds =
        collections.isEmpty() ? List.of() : states.collectionIds(vbuckets, collections);
    if (collectionIds == null) {
      return;
    }
    nextNanos = now + timeoutNanos / CHECKS_PER_TIMEOUT;
    Set<Integer> wanted = Set.copyOf(vbuckets);
    int advanced = 0;
    for (Map.Entry<ConnectionMonitor, Map<Integer, High>> answer : round.answers().entrySet()) {
      boolean mayBeFull = answer.getKey().wasFull();
      for (Map.Entry<Integer, High> entry : answer.getValue().entrySet()) {
        int vbucket = entry.getKey();
        if (!wanted.contains(vbucket)) {
          continue;
        }
        if (isBehind(vbucket, entry.getValue().selected())) {
          look(vbucket, mayBeFull, now);
        } else {
          behind.remove(vbucket);
          caughtUp.set(vbucket);
          stalled.remove(vbucket);
          if (advanced < REOPENED_AT_ONCE && isFarBehind(vbucket, entry.getValue().any(), now)) {
            advanced++;
            reopen(vbucket);
          }
        }
      }
    }
    round = ask(collectionIds);
  }

  private boolean isBehind(int vbucket, long high) {
    long end = ends.of(vbucket);
    long target = Long.compareUnsigned(high, end) < 0 ? high : end;
    return Long.compareUnsigned(lastReceived.of(vbucket), target) < 0;
  }

  private void look(int vbucket, boolean mayNotSend, long now) {
    long arrived = lastReceived.of(vbucket);
    Behind before = behind.get(vbucket);
    if (before == null || before.arrived() != arrived) {
      stalled.remove(vbucket);
      behind.put(vbucket, new Behind(arrived, now, false));
      return;
    }
    if (mayNotSend) {
      behind.put(vbucket, new Behind(arrived, now, before.reopened()));
      return;
    }
    long limit = caughtUp.get(vbucket) ? timeoutNanos : BACKLOG_TIMEOUTS * timeoutNanos;
    if (now - before.sinceNanos() < limit) {
      return;
    }
    LOG.warn(
        "vBucket {} of bucket '{}' has sent nothing since seqno {} for {} s, although it has"
            + " changed; its stream is opened again.",
        vbucket,
        bucket,
        Long.toUnsignedString(arrived),
        (now - before.sinceNanos()) / 1_000_000_000);
    if (before.reopened()) {
      stalled.add(vbucket);
    }
    behind.put(vbucket, new Behind(arrived, now, true));
    reopen(vbucket);
  }

  private boolean isFarBehind(int vbucket, long high, long now) {
    if (ends.of(vbucket) != StreamEnds.NEVER || high - lastReceived.of(vbucket) < FAR_BEHIND) {
      return false;
    }
    long last = advancedNanos.getOrDefault(vbucket, startNanos);
    if (now - last < BACKLOG_TIMEOUTS * timeoutNanos) {
      return false;
    }
    advancedNanos.put(vbucket, now);
    return true;
  }

  private void reopen(int vbucket) {
    opener
        .reopen(vbucket)
        .subscribe(
            ignored -> {},
            error -> {
              if (!sessionEnd.isOver()) {
                LOG.warn(
                    "The stream of vBucket {} of bucket '{}' couldn't be opened again: {}",
                    vbucket,
                    bucket,
                    error.toString());
              }
            });
  }

  private Round ask(List<Long> collectionIds) {
    Map<ConnectionMonitor, Map<Integer, High>> answers = new HashMap<>();
    List<CompletableFuture<?>> pending = new ArrayList<>();
    for (ConnectionMonitor connection : connections) {
      Map<Integer, High> answer = new ConcurrentHashMap<>();
      answers.put(connection, answer);
      pending.add(ask(connection, OptionalLong.empty(), collectionIds.isEmpty(), answer));
      for (long collection : collectionIds) {
        pending.add(ask(connection, OptionalLong.of(collection), true, answer));
      }
    }
    return new Round(answers, pending);
  }

  private CompletableFuture<?> ask(
      ConnectionMonitor connection,
      OptionalLong collection,
      boolean selected,
      Map<Integer, High> answer) {
    return connection
        .highSeqnos(collection)
        .handle(
            (seqnos, error) -> {
              if (error != null) {
                LOG.debug("Bucket '{}': no high seqnos from a node", bucket, error);
                return null;
              }
              for (PartitionAndSeqno seqno : seqnos) {
                High high =
                    new High(
                        selected ? seqno.seqno() : 0, collection.isEmpty() ? seqno.seqno() : 0);
                answer.merge(seqno.partition(), high, High::max);
              }
              return null;
            });
  }
}
