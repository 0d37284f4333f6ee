// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.offset.Offset;
import dev.caravan.stream.rollback.FailoverHistory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("unit")
class AckTrackerTest {
  private static final int VBUCKET = 7;
  private static final StreamSnapshot SNAPSHOT =
      new StreamSnapshot(FailoverHistory.of(42), 1_000, 3);
  private static final Offset BEGINNING = new Offset(0, 0, 0, 0, 0);

  private final AckTracker progress = new AckTracker();

  @BeforeEach
  void start() {
    progress.start(VBUCKET, BEGINNING, true);
  }

  private Position add(long seqno) {
    return add(SNAPSHOT, seqno, 0);
  }

  private Position add(StreamSnapshot snapshot, long seqno, long cleanSeqno) {
    Position position = new Position(VBUCKET, snapshot, seqno, cleanSeqno);
    progress.of(VBUCKET).add(position, seqno, seqno);
    return position;
  }

  private void advance(long seqno) {
    progress.of(VBUCKET).advance(new Position(VBUCKET, SNAPSHOT, seqno, 0));
  }

  private Offset committable() {
    return progress.of(VBUCKET).committable();
  }

  private int size() {
    return positions(progress.of(VBUCKET));
  }

  /** Counts the positions that are kept; nothing else may use them at the same time. */
  static int positions(VbucketProgress progress) {
    int count = 0;
    for (Position position = progress.first; position != null; position = position.next) {
      count++;
    }
    return count;
  }

  private long committed() {
    return committable().bySeqno();
  }

  @Test
  void nothingCanBeCommittedBeforeAnythingIsAcknowledged() {
    add(1);

    assertThat(committable()).isEqualTo(BEGINNING);
    assertThat(progress.unsaved()).isEmpty();
  }

  @Test
  void anAcknowledgedEventCanBeCommittedWithItsSnapshot() {
    progress.acknowledge(add(5));

    assertThat(progress.unsaved()).isEqualTo(Map.of(VBUCKET, new Offset(42, 5, 0, 1_000, 3)));
  }

  @Test
  void anEventThatIsNotAcknowledgedHoldsBackThoseAfterIt() {
    Position first = add(1);
    Position second = add(2);
    Position third = add(3);

    progress.acknowledge(third);
    progress.acknowledge(second);
    // The first might still fail: nothing may be committed.
    assertThat(committed()).isZero();

    progress.acknowledge(first);
    assertThat(committed()).isEqualTo(3);
  }

  @Test
  void eventsThatPublishNothingAdvanceOnlyBehindAcknowledgedOnes() {
    Position first = add(1);
    advance(2);
    assertThat(committed()).isZero();

    progress.acknowledge(first);
    assertThat(committed()).isEqualTo(2);

    advance(9);
    assertThat(committed()).isEqualTo(9);
  }

  @Test
  void acknowledgingTwiceChangesNothing() {
    Position first = add(1);
    Position second = add(2);
    progress.acknowledge(first);
    progress.acknowledge(first);

    assertThat(committed()).isEqualTo(1);
    progress.acknowledge(second);
    progress.acknowledge(first);
    assertThat(committed()).isEqualTo(2);
  }

  @Test
  void whatWasRewoundDoesntCountAnyMore() {
    Position first = add(1);
    Position second = add(2);
    progress.acknowledge(first);
    progress.rewind();

    progress.acknowledge(second);

    assertThat(committed()).isEqualTo(1);
    assertThat(size()).isZero();
    progress.acknowledge(add(2));
    assertThat(committed()).isEqualTo(2);
  }

  @Test
  void aLowerSeqnoAfterARollbackIsCommitted() {
    progress.acknowledge(add(10));
    StreamSnapshot otherHistory = new StreamSnapshot(FailoverHistory.of(43), 6, 3);

    progress.acknowledge(add(otherHistory, 6, 5));

    assertThat(committable()).isEqualTo(new Offset(43, 6, 5, 6, 3));
  }

  @Test
  void whatIsSavedIsNotSavedAgain() {
    progress.acknowledge(add(1));
    Map<Integer, Offset> unsaved = progress.unsaved();
    progress.acknowledge(add(2));

    progress.saved(unsaved);

    assertThat(progress.unsaved().get(VBUCKET).bySeqno()).isEqualTo(2);
    progress.saved(progress.unsaved());
    assertThat(progress.unsaved()).isEmpty();
  }

  @Test
  void aStartThatTheStoreDoesntKnowIsSaved() {
    Offset now = new Offset(42, 100, 100, 100, 0);
    progress.start(8, now, false);

    assertThat(progress.unsaved()).isEqualTo(Map.of(8, now));
  }

  @Test
  void anEventThatIsNeverAcknowledgedDoesntMakeThoseAfterItPileUp() {
    add(1);
    for (int seqno = 2; seqno < 10_000; seqno++) {
      progress.acknowledge(add(seqno));
    }

    assertThat(size()).isEqualTo(2);
    assertThat(committed()).isZero();
  }

  @RepeatedTest(200)
  void theCommittedOffsetIsAlwaysTheAcknowledgedPrefix(RepetitionInfo repetition) {
    Random random = new Random(repetition.getCurrentRepetition());
    List<Position> positions = new ArrayList<>();
    List<Boolean> acknowledged = new ArrayList<>();
    for (int step = 0; step < 300; step++) {
      if (positions.isEmpty() || random.nextInt(3) == 0) {
        positions.add(add(positions.size() + 1));
        acknowledged.add(false);
      } else if (random.nextInt(10) == 0) {
        advance(positions.size() + 1);
        positions.add(null);
        acknowledged.add(true);
      } else {
        int any = random.nextInt(positions.size());
        if (positions.get(any) != null) {
          progress.acknowledge(positions.get(any));
          acknowledged.set(any, true);
        }
      }
      int prefix = acknowledged.indexOf(false);
      assertThat(committed()).isEqualTo(prefix < 0 ? acknowledged.size() : prefix);
      long open = acknowledged.stream().filter(done -> !done).count();
      assertThat(size()).isLessThanOrEqualTo((int) (2 * open));
    }
  }

  @Test
  void threadsMayAcknowledgeAllAtOnce() throws Exception {
    List<Position> positions = new ArrayList<>();
    for (int seqno = 1; seqno <= 20_000; seqno++) {
      positions.add(add(seqno));
    }
    Collections.shuffle(positions, new Random(1));
    ExecutorService threads = Executors.newFixedThreadPool(4);
    for (int thread = 0; thread < 4; thread++) {
      List<Position> share = positions.subList(thread * 5_000, (thread + 1) * 5_000);
      threads.submit(() -> share.forEach(progress::acknowledge));
    }
    threads.shutdown();

    assertThat(threads.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
    assertThat(committed()).isEqualTo(20_000);
    assertThat(size()).isZero();
  }
}
