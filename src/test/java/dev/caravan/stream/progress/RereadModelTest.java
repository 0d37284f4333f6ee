// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.offset.Offset;
import dev.caravan.stream.progress.ModelVbucket.Change;
import dev.caravan.stream.progress.ModelVbucket.Snapshot;
import dev.caravan.stream.rollback.FailoverHistory;
import dev.caravan.stream.rollback.Reread;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Holds what is published against the truth, over random histories: writes, slow and fast cursors,
 * snapshots from memory and from disk, late acknowledgements, broken connections, failovers (also
 * one after the other, and to a copy in the middle of a snapshot), purges, and crashes of ours.
 */
@Tag("unit")
class RereadModelTest {
  private static final int VBUCKET = 7;
  private static final int KEYS = 6;

  /** More than the default for a long run by hand: the property caravan.model.histories. */
  private static final int HISTORIES = Integer.getInteger("caravan.model.histories", 4_000);

  /** What may happen in the histories of a run. */
  private record Faults(boolean failovers, boolean partial, boolean crashes, boolean purges) {}

  /** A change, and how many times the vBucket had been read again when it was received. */
  private record Received(Change change, int rereads) {}

  /** One consumer of the vBucket: the product's classes, and what they have published. */
  private static final class Consumer {
    private final ModelVbucket server;
    private final Random random;
    private final List<Change> published = new ArrayList<>();
    private final Deque<Position> unacknowledged = new ArrayDeque<>();
    private final Map<Position, Received> inFlight = new HashMap<>();
    private @Nullable Offset refused;
    private AckTracker progress = new AckTracker();
    private VbucketStream stream;
    private Offset committed = new Offset(0, 0, 0, 0, 0);

    /** After which seqnos it was read again. */
    private final List<Long> rereadAfter = new ArrayList<>();

    /** How many times it had been read again when a published change was received. */
    private final Map<Change, Integer> receivedAt = new HashMap<>();

    private boolean isOpen;
    private long position;
    private long requested;
    private Snapshot snapshot;
    private int next;
    private boolean hasSentMarker;
    private boolean fromDisk;
    private boolean mayRepeat;
    private boolean hasCrashed;

    Consumer(ModelVbucket server, Random random) {
      this.server = server;
      this.random = random;
      progress.start(VBUCKET, committed, true);
      begin();
    }

    private void begin() {
      isOpen = false;
      stream =
          new VbucketStream(
              VBUCKET,
              progress.of(VBUCKET),
              (reread, position) -> {
                refused = null;
                progress.of(VBUCKET).advance(position);
              });
      if (progress.of(VBUCKET).unfinishedReread() != null) {
        rereadAfter.add(stream.offset().bySeqno());
      }
    }

    void open() {
      Offset asked = stream.offset();
      long rollback = server.rollbackSeqno(asked);
      for (int rollbacks = 0; rollback >= 0; rollbacks++) {
        assertThat(rollbacks).isLessThan(5);
        assertThat(rollback).isLessThan(asked.bySeqno());
        refused = refused == null ? asked : refused;
        stream.rollBack(rollback);
        asked = stream.offset();
        rereadAfter.add(asked.bySeqno());
        rollback = server.rollbackSeqno(asked);
      }
      noteLoss();
      isOpen = true;
      snapshot = null;
      hasSentMarker = false;
      position = asked.bySeqno();
      requested =
          asked.bySeqno() == asked.snapshotEndSeqno() ? position : asked.snapshotStartSeqno();
      fromDisk = random.nextBoolean();
      if (stream.accepted(new FailoverHistory(server.log()))) {
        stream.highSeqno(server.highSeqno());
      }
    }

    /** Notes if the vBucket may have lost a published change; then others may be repeated. */
    private void noteLoss() {
      if (refused != null) {
        Long common =
            FailoverHistory.of(refused.vbuuid()).commonSeqno(new FailoverHistory(server.log()));
        mayRepeat |= common == null || Long.compareUnsigned(common, refused.bySeqno()) < 0;
      }
    }

    /** Receives one message; returns whether there was one. */
    boolean receive() {
      if (snapshot == null) {
        snapshot = server.snapshot(position, hasSentMarker ? -1 : requested, fromDisk);
        if (snapshot == null) {
          return false;
        }
        next = 0;
        stream.onSnapshot(snapshot.start(), snapshot.end(), 0);
        hasSentMarker = true;
      } else if (next < snapshot.changes().size()) {
        Change change = snapshot.changes().get(next++);
        position = change.seqno();
        Position place = stream.onChange(change.seqno(), 100 + change.key(), change.cas(), true);
        if (place != null) {
          unacknowledged.add(place);
          inFlight.put(place, new Received(change, rereadAfter.size()));
        }
      } else {
        if (position < snapshot.end() && (fromDisk || snapshot.changes().isEmpty())) {
          stream.onSeqnoAdvanced(snapshot.end(), 0);
        }
        position = snapshot.end();
        snapshot = null;
        fromDisk = false;
      }
      return true;
    }

    void acknowledge() {
      Position place = unacknowledged.poll();
      if (place != null) {
        Received received = inFlight.remove(place);
        published.add(received.change());
        receivedAt.put(received.change(), received.rereads());
        progress.acknowledge(place);
      }
    }

    void drain() {
      while (!unacknowledged.isEmpty()) {
        acknowledge();
      }
    }

    void commit() {
      committed = progress.of(VBUCKET).committable();
    }

    /** A delivery fails, or the session is lost: what is not acknowledged comes again. */
    void loseSession() {
      unacknowledged.clear();
      inFlight.clear();
      progress.rewind();
      Reread unfinished = progress.of(VBUCKET).unfinishedReread();
      refused = unfinished == null ? null : unfinished.refused();
      begin();
    }

    void disconnect() {
      isOpen = false;
    }

    void crash() {
      hasCrashed = true;
      refused = null;
      rereadAfter.add(committed.bySeqno());
      unacknowledged.clear();
      inFlight.clear();
      progress = new AckTracker();
      progress.start(VBUCKET, committed, true);
      begin();
    }

    /**
     * Whether the truth must be there after a lost change: not if it lies before what was read
     * again since.
     */
    boolean isRepairable(Change lost, Change truth) {
      return rereadAfter.subList(receivedAt.getOrDefault(lost, 0), rereadAfter.size()).stream()
          .noneMatch(seqno -> truth.seqno() <= seqno);
    }

    private Map<Integer, Change> last() {
      Map<Integer, Change> last = new HashMap<>();
      published.forEach(change -> last.put(change.key(), change));
      return last;
    }
  }

  private static void run(long seed, Faults faults) {
    Random random = new Random(seed);
    ModelVbucket server = new ModelVbucket(random, KEYS, 25);
    Consumer consumer = new Consumer(server, random);
    int steps = 40 + random.nextInt(200);
    int failovers = 0;
    for (int i = 0; i < steps; i++) {
      switch (random.nextInt(20)) {
        case 0, 1, 2, 3, 4 -> server.write();
        case 5 -> server.replicate();
        case 6 -> {
          if (faults.failovers() && random.nextInt(4) == 0) {
            // The stream ends; the client opens it again by itself.
            consumer.disconnect();
            server.failOver(faults.partial());
            failovers++;
          }
        }
        case 7 -> {
          if (random.nextInt(6) == 0) {
            consumer.disconnect();
            server.restart();
          }
        }
        case 8 -> {
          if (faults.purges() && random.nextInt(6) == 0) {
            consumer.disconnect();
            server.purge();
          }
        }
        case 9 -> consumer.commit();
        case 10 -> {
          if (random.nextInt(3) == 0) {
            consumer.disconnect();
          }
        }
        case 11 -> {
          if (random.nextInt(4) == 0) {
            consumer.loseSession();
          }
        }
        case 12 -> {
          if (faults.crashes() && random.nextInt(6) == 0) {
            consumer.crash();
          }
        }
        case 13, 14, 15 -> consumer.acknowledge();
        default -> {
          if (consumer.isOpen) {
            consumer.receive();
          } else {
            consumer.open();
          }
        }
      }
    }
    if (!consumer.isOpen) {
      consumer.open();
    }
    while (consumer.receive()) {
      consumer.drain();
    }
    consumer.drain();
    check(seed, server, consumer, failovers);
  }

  private static void check(long seed, ModelVbucket server, Consumer consumer, int failovers) {
    Map<Integer, Change> last = consumer.last();
    server
        .truth()
        .forEach(
            (key, truth) -> {
              Change published = last.get(key);
              boolean isRepairable =
                  published == null
                      || server.has(published)
                      || consumer.isRepairable(published, truth);
              if (isRepairable && !server.wasPurged(key)) {
                assertThat(published)
                    .as("seed %d, key %d after %d failovers", seed, key, failovers)
                    .isEqualTo(truth);
              }
            });
    if (!consumer.mayRepeat && !consumer.hasCrashed) {
      Set<Change> seen = new HashSet<>();
      for (Change change : consumer.published) {
        assertThat(seen.add(change)).as("seed %d, published twice: %s", seed, change).isTrue();
      }
    }
    Offset offset = consumer.progress.of(VBUCKET).committable();
    assertThat(offset.bySeqno()).as("seed %d", seed).isEqualTo(server.highSeqno());
    if (server.highSeqno() > 0) {
      assertThat(offset.vbuuid()).as("seed %d", seed).isEqualTo(server.log().get(0).vbuuid());
    }
  }

  private static void run(Faults faults, long firstSeed) {
    for (long seed = firstSeed; seed < firstSeed + HISTORIES; seed++) {
      run(seed, faults);
    }
  }

  @Test
  void withoutFailoversEachChangeIsPublishedOnce() {
    run(new Faults(false, false, false, false), 0);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void afterFailoversTheLastRecordOfEachKeyIsTheTruth(boolean partial) {
    run(new Faults(true, partial, false, false), 1_000_000);
  }

  @Test
  void purgesLoseNothingElse() {
    run(new Faults(true, true, false, true), 2_000_000);
  }

  @Test
  void crashesLoseNothing() {
    run(new Faults(true, true, true, false), 3_000_000);
  }
}
