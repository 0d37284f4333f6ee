// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.progress;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.offset.Offset;
import dev.caravan.stream.rollback.FailoverHistory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Holds {@link AckTracker} against a model that is too simple to be wrong, through random events,
 * acknowledgements in any order, deliveries that fail, and new sessions and histories. A seed
 * repeats a run.
 */
@Tag("unit")
class AckTrackerModelTest {
  private static final int VBUCKET = 7;
  private static final int STEPS = 3_000;

  /**
   * Every event in stream order with whether it is acknowledged; the prefix is found by looking.
   */
  private static final class Model {
    private final List<Boolean> acknowledged = new ArrayList<>();
    private final List<Offset> offsets = new ArrayList<>();
    private Offset committable;

    Model(Offset start) {
      committable = start;
    }

    void add(Offset offset, boolean done) {
      offsets.add(offset);
      acknowledged.add(done);
    }

    void rewind() {
      committable();
      offsets.clear();
      acknowledged.clear();
    }

    Offset committable() {
      while (!acknowledged.isEmpty() && acknowledged.get(0)) {
        acknowledged.remove(0);
        committable = offsets.remove(0);
      }
      return committable;
    }

    void acknowledge(Offset offset) {
      for (int i = 0; i < offsets.size(); i++) {
        if (offsets.get(i).equals(offset)) {
          acknowledged.set(i, true);
        }
      }
    }

    long open() {
      return acknowledged.stream().filter(done -> !done).count();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 5, 8, 13, 21, 34, 55, 89})
  void theCommittableOffsetIsThatOfTheAcknowledgedPrefix(long seed) {
    Random random = new Random(seed);
    AckTracker progress = new AckTracker();
    Offset start = new Offset(1, 0, 0, 0, 0);
    progress.start(VBUCKET, start, true);
    Model model = new Model(start);
    List<Position> unacknowledged = new ArrayList<>();
    Map<Long, Offset> offsetsBySeqno = new HashMap<>();
    List<Position> forgotten = new ArrayList<>();
    Offset saved = start;
    long vbuuid = 1;
    long seqno = 0;

    for (int step = 0; step < STEPS; step++) {
      switch (random.nextInt(12)) {
        case 0, 1, 2, 3, 4 -> {
          seqno += 1 + random.nextInt(3);
          Position position =
              new Position(
                  VBUCKET,
                  new StreamSnapshot(FailoverHistory.of(vbuuid), seqno + 5, 0),
                  seqno,
                  seqno - 1);
          Offset offset = new Offset(vbuuid, seqno, seqno - 1, seqno + 5, 0);
          boolean published = random.nextInt(4) > 0;
          if (published) {
            progress.of(VBUCKET).add(position, seqno, seqno);
            unacknowledged.add(position);
            offsetsBySeqno.put(seqno, offset);
          } else {
            progress.of(VBUCKET).advance(position);
          }
          model.add(offset, !published);
        }
        case 5, 6, 7, 8 -> {
          if (!unacknowledged.isEmpty()) {
            // A delivery that fails is one that is never chosen here, until the next session.
            int which = random.nextInt(Math.min(unacknowledged.size(), 20));
            Position done = unacknowledged.remove(which);
            progress.acknowledge(done);
            model.acknowledge(offsetsBySeqno.get(done.seqno));
            if (random.nextBoolean()) {
              progress.acknowledge(done);
            }
          }
        }
        case 9 -> {
          if (random.nextInt(10) == 0) {
            progress.rewind();
            model.rewind();
            forgotten.addAll(unacknowledged);
            unacknowledged.clear();
            seqno = model.committable().bySeqno();
            if (random.nextBoolean()) {
              vbuuid++;
              seqno = Math.max(0, seqno - random.nextInt(10));
            }
          }
        }
        case 10 -> {
          Collections.shuffle(forgotten, random);
          forgotten.forEach(progress::acknowledge);
          forgotten.clear();
        }
        default -> {
          if (random.nextBoolean()) {
            progress.unsaved().values().forEach(offset -> assertThat(offset).isNotNull());
            progress.saved(progress.unsaved());
            saved = model.committable();
          }
        }
      }

      assertThat(progress.of(VBUCKET).committable())
          .as("step %d", step)
          .isEqualTo(model.committable());
      assertThat(progress.unsaved().isEmpty()).isEqualTo(model.committable().equals(saved));
      assertThat(progress.isAcknowledged()).isEqualTo(model.open() == 0);
      assertThat((long) AckTrackerTest.positions(progress.of(VBUCKET)))
          .isLessThanOrEqualTo(2 * model.open() + 1);
    }
  }
}
