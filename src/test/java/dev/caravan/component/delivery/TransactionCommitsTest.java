// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.offset.Offset;
import dev.caravan.offset.TransactionalOffsetStore;
import dev.caravan.stream.progress.CommitPoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * A committed transaction has the offset of every record that was sent in it, and no other offset,
 * in whatever order exchanges begin, send, complete and fail, offsets can't be saved, commits fail,
 * and the loop stops.
 */
@Tag("unit")
class TransactionCommitsTest {
  private static final int HISTORIES = 10_000;
  private static final int STEPS = 60;
  private static final int CHANGES = 3;
  private static final int BUCKETS = 2;

  /** An exchange with some changes, which are numbered through, of one bucket. */
  private static final class Exchange {
    final int bucket;
    final List<Integer> unsent = new ArrayList<>();
    final List<Integer> changes;

    Exchange(int bucket, List<Integer> changes) {
      this.bucket = bucket;
      this.changes = changes;
      unsent.addAll(changes);
    }
  }

  /** One loop, with Kafka and the route played by chance. */
  private static final class History implements TransactionalOffsetStore {
    final Random random;
    final InFlight inFlight = new InFlight(1_000_000, 1_000_000);
    final List<TreeSet<Integer>> acknowledged = List.of(new TreeSet<>(), new TreeSet<>());
    final List<Set<Integer>> saved = List.of(new HashSet<>(), new HashSet<>());
    final List<Exchange> inRoute = new ArrayList<>();
    final Set<Integer> sent = new HashSet<>();
    final Set<Integer> offsets = new HashSet<>();
    final List<CompletableFuture<Void>> saves = new ArrayList<>();
    final TransactionCommits commits;
    long now;
    CommitPoint point = CommitPoint.CLEAN;
    int changes;
    int committed;
    boolean hasAsyncFailure;
    boolean isStopping;
    boolean isDead;

    History(long seed) {
      random = new Random(seed);
      commits =
          new TransactionCommits(
              this, () -> point, this::saveAll, inFlight, Duration.ofSeconds(5), () -> now);
      commits.open();
    }

    void run() {
      for (int i = 0; i < STEPS && !isDead; i++) {
        now += random.nextInt(500) * 1_000_000L;
        point =
            random.nextInt(3) > 0
                ? CommitPoint.CLEAN
                : CommitPoint.values()[random.nextInt(CommitPoint.values().length)];
        step();
      }
      // The end of a loop: what is in the route may come out, or never does.
      while (!inRoute.isEmpty() && random.nextInt(10) > 0) {
        complete();
      }
      if (isDead) {
        commits.discard();
      }
      attempt(commits::end);
      commits.discard();
      attempt(commits::end);
    }

    private void step() {
      switch (random.nextInt(isStopping ? 2 : 6)) {
        case 0 -> complete();
        case 1 -> sendSome();
        case 2, 3 -> begin();
        case 4 -> {
          if (commits.nanosUntilDue() <= 0 && inFlight.isEmpty()) {
            attempt(commits::commit);
          }
        }
        default -> isStopping = random.nextInt(20) == 0;
      }
    }

    private void begin() {
      List<Integer> ids = new ArrayList<>();
      for (int i = 0; i <= random.nextInt(CHANGES); i++) {
        ids.add(changes++);
      }
      inRoute.add(new Exchange(random.nextInt(BUCKETS), ids));
      inFlight.begin(ids.size(), 1);
    }

    private void sendSome() {
      if (!inRoute.isEmpty()) {
        Exchange exchange = inRoute.get(random.nextInt(inRoute.size()));
        if (!exchange.unsent.isEmpty()) {
          sent.add(exchange.unsent.remove(0));
        }
      }
    }

    private void complete() {
      if (inRoute.isEmpty()) {
        return;
      }
      Exchange exchange = inRoute.remove(random.nextInt(inRoute.size()));
      boolean fails = random.nextInt(15) == 0;
      if (!fails) {
        sent.addAll(exchange.unsent);
        acknowledged.get(exchange.bucket).addAll(exchange.changes);
      }
      inFlight.end(exchange.changes.size(), 1, !fails);
    }

    private void attempt(Runnable commit) {
      try {
        commit.run();
      } catch (IllegalStateException e) {
        isDead = true;
      }
    }

    private List<CompletableFuture<Void>> saveAll() {
      List<CompletableFuture<Void>> result = new ArrayList<>();
      for (int bucket = 0; bucket < BUCKETS; bucket++) {
        result.add(save(bucket));
      }
      return result;
    }

    private CompletableFuture<Void> save(int bucket) {
      Set<Integer> unsaved = new HashSet<>(acknowledged.get(bucket));
      unsaved.removeAll(saved.get(bucket));
      CompletableFuture<Void> save = new CompletableFuture<>();
      saves.add(save);
      switch (random.nextInt(20)) {
        case 0 -> {
          // Interrupted, or no room in the producer's buffer.
          save.completeExceptionally(new IllegalStateException("not sent"));
          return save;
        }
        case 1 -> hasAsyncFailure = true;
        default -> offsets.addAll(unsaved);
      }
      return save.thenRun(() -> saved.get(bucket).addAll(unsaved));
    }

    @Override
    public void open() {
      sent.clear();
      offsets.clear();
    }

    @Override
    public Duration commitInterval() {
      return Duration.ofSeconds(1);
    }

    @Override
    public void commit() {
      boolean takesPlace = !hasAsyncFailure && random.nextInt(15) > 0;
      if (takesPlace) {
        assertThat(offsets).isEqualTo(sent);
        committed++;
        sent.clear();
        offsets.clear();
      }
      if (!takesPlace || random.nextInt(15) == 0) {
        throw new IllegalStateException("not committed, or nobody knows");
      }
      List.copyOf(saves).forEach(save -> save.complete(null));
      saves.clear();
    }

    @Override
    public void close() {
      sent.clear();
      offsets.clear();
    }

    @Override
    public boolean isRetriable(Throwable failure) {
      return true;
    }

    @Override
    public Map<Integer, Offset> load(String bucket, Collection<Integer> vbuckets) {
      return Map.of();
    }

    @Override
    public CompletionStage<Void> save(String bucket, Map<Integer, Offset> offsets) {
      throw new UnsupportedOperationException();
    }
  }

  @Test
  void aCommittedTransactionHasTheOffsetsOfItsRecordsAndNoOthers() {
    int committed = 0;
    int dead = 0;
    for (long seed = 0; seed < HISTORIES; seed++) {
      History history = new History(seed);
      try {
        history.run();
      } catch (AssertionError e) {
        throw new AssertionError("seed " + seed, e);
      }
      committed += history.committed;
      dead += history.isDead ? 1 : 0;
    }
    assertThat(committed).isGreaterThan(HISTORIES / 4);
    assertThat(dead).isBetween(HISTORIES / 10, HISTORIES);
  }

  /** A loop that has delivered one exchange, at a moment when its commit is due. */
  private static History due(CommitPoint point) {
    History history = new History(1);
    history.inFlight.begin(1, 1);
    history.inFlight.end(1, 1, true);
    history.now += history.commitInterval().toNanos();
    history.point = point;
    assertThat(history.commits.nanosUntilDue()).isZero();
    return history;
  }

  /** Asks for a commit whenever one is due; returns after how long it took place. */
  private static Duration delay(History history) {
    long start = history.now;
    while (history.committed == 0) {
      history.commits.commit();
      long wait = history.commits.nanosUntilDue();
      assertThat(history.committed > 0 || wait > 0).isTrue();
      history.now += history.committed > 0 ? 0 : wait;
    }
    return Duration.ofNanos(history.now - start);
  }

  @Test
  void aCommitIsPutOffUntilARereadEndsButNotForLong() {
    assertThat(delay(due(CommitPoint.CLEAN))).isZero();
    assertThat(delay(due(CommitPoint.IN_SNAPSHOT))).isEqualTo(Duration.ofMillis(100));
    assertThat(delay(due(CommitPoint.IN_REREAD))).isEqualTo(Duration.ofSeconds(5));

    History history = due(CommitPoint.IN_REREAD);
    history.commits.commit();
    history.point = CommitPoint.CLEAN;
    assertThat(delay(history)).isLessThan(Duration.ofMillis(10));
  }

  @Test
  void aRereadThatDoesNotEndPutsOffOneCommitOnly() {
    History history = due(CommitPoint.IN_REREAD);
    assertThat(delay(history)).isEqualTo(Duration.ofSeconds(5));

    history.inFlight.begin(1, 1);
    history.inFlight.end(1, 1, true);
    history.now += history.commitInterval().toNanos();
    history.committed = 0;
    assertThat(delay(history)).isZero();
  }

  @Test
  void aLoopThatEndsInARereadCommitsNothingOfIt() {
    History history = due(CommitPoint.IN_REREAD);
    history.commits.end();
    assertThat(history.committed).isZero();

    History clean = due(CommitPoint.IN_SNAPSHOT);
    clean.commits.end();
    assertThat(clean.committed).isEqualTo(1);
  }
}
