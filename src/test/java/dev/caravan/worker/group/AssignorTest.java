// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.worker.group.Assignments.TaskKey;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("unit")
class AssignorTest {

  @Test
  void oneWorkerHasEverything() {
    Group group = new Group().connector("a", 3).connector("b", 2).join("w");
    group.settle();
    assertThat(group.tasksOf("w")).hasSize(5);
  }

  @Test
  void aWorkerThatJoinsGetsItsShareAndNothingElseMoves() {
    Group group = new Group().connector("a", 8).join("w1").join("w2");
    group.settle();
    Map<TaskKey, String> before = group.owners();

    group.join("w3");
    group.settle();

    assertThat(group.tasksOf("w3")).hasSize(2);
    assertThat(moved(before, group.owners())).isEqualTo(2);
  }

  @Test
  void aWorkerThatLeavesHasItsTasksSharedAndNothingElseMoves() {
    Group group = new Group().connector("a", 9).join("w1").join("w2").join("w3");
    group.settle();
    Map<TaskKey, String> before = group.owners();

    group.leave("w2");
    group.settle();

    assertThat(moved(before, group.owners())).isEqualTo(3);
  }

  @Test
  void theTasksOfAConnectorAreOnDifferentWorkers() {
    Group group = new Group().join("w1").join("w2").join("w3").join("w4");
    for (int i = 0; i < 10; i++) {
      group.connector("c" + i, 2);
    }
    group.settle();
    for (TaskGeneration set : group.wanted) {
      assertThat(
              IntStream.range(0, 2)
                  .mapToObj(task -> group.owners().get(new TaskKey(set.generation(), task))))
          .doesNotHaveDuplicates();
    }
  }

  @Test
  void aTaskThatMovesIsNobodysUntilItIsReleased() {
    Group group = new Group().connector("a", 2).join("w1");
    group.settle();
    group.join("w2");

    Assignments assignments = group.assign();

    assertThat(keys(assignments.tasksOf(0))).hasSize(1);
    assertThat(keys(assignments.tasksOf(1))).isEmpty();
    group.apply(assignments);
    assertThat(keys(group.assign().tasksOf(1))).isEmpty();
    group.releaseAll();
    assertThat(keys(group.assign().tasksOf(1))).hasSize(1);
  }

  @Test
  void newTasksWaitForThoseOfTheOldConfiguration() {
    Group group = new Group().connector("a", 2).join("w1").join("w2");
    group.settle();
    group.connector("a", 4);

    Assignments assignments = group.assign();

    assertThat(keys(assignments.tasksOf(0))).isEmpty();
    assertThat(keys(assignments.tasksOf(1))).isEmpty();
    group.settle();
    assertThat(group.tasksOf("w1")).hasSize(2);
    assertThat(group.tasksOf("w2")).hasSize(2);
  }

  @Test
  void ofTwoThatHaveTheSameTaskOneKeepsIt() {
    Group group = new Group().connector("a", 1).join("w1").join("w2");
    group.settle();
    TaskKey task = new TaskKey(group.wanted.get(0).generation(), 0);
    group.owned.get("w1").put(task, "a");
    group.owned.get("w2").put(task, "a");

    Assignments assignments = group.assign();
    assertThat(keys(assignments.tasksOf(0))).containsExactly(task);
    assertThat(keys(assignments.tasksOf(1))).isEmpty();
  }

  @Test
  void aWorkerThatTakesNoTasksGivesUpThoseThatItHas() {
    Group group = new Group().connector("a", 2).join("w1").join("w2");
    group.settle();
    group.leaving.add("w1");

    Assignments assignments = group.assign();
    assertThat(keys(assignments.tasksOf(0))).isEmpty();
    assertThat(keys(assignments.tasksOf(1))).hasSize(1);

    group.settle();
    assertThat(group.tasksOf("w1")).isEmpty();
    assertThat(group.tasksOf("w2")).hasSize(2);
    group.leaving.add("w2");
    group.settle();
    assertThat(group.owners()).isEmpty();
  }

  @Test
  void aWorkerThatHasLostItsGroupTakesNothingFromTheOneThatWentOn() {
    Group group = new Group().connector("a", 1).join("w1").join("w2");
    group.settle();
    TaskKey task = new TaskKey(group.wanted.get(0).generation(), 0);
    group.owned.get("w1").put(task, "a");
    group.owned.get("w2").put(task, "a");
    group.leaving.add("w1");

    Assignments assignments = group.assign();

    assertThat(keys(assignments.tasksOf(0))).isEmpty();
    assertThat(keys(assignments.tasksOf(1))).containsExactly(task);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
  void whateverHappensNoTaskRunsTwiceAndInTheEndAllRunBalanced(long seed) {
    Random random = new Random(seed);
    Group group = new Group().join("w0");
    for (int step = 0; step < 200; step++) {
      group.doSomething(random);
      group.apply(
          switch (random.nextInt(6)) {
            case 0 -> Assignor.keepDesired(group.offset, group.wanted, group.states());
            case 1 -> Assignor.keepAll(group.offset, group.states());
            default -> group.assign();
          });
      group.releaseSome(random);
      if (step % 20 == 0) {
        group.settle();
        group.checkSettled("seed " + seed + ", step " + step);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void onlyTasksThatMustMoveDo(long seed) {
    Random random = new Random(seed);
    for (int run = 0; run < 20; run++) {
      Group group = new Group();
      int workers = 1 + random.nextInt(8);
      for (int i = 0; i < workers; i++) {
        group.join("w" + i);
      }
      int connectors = random.nextInt(20);
      for (int i = 0; i < connectors; i++) {
        group.connector("c" + i, 1 + random.nextInt(8));
      }
      group.settle();
      int tasks = group.owners().size();

      Map<TaskKey, String> before = group.owners();
      group.join("x" + random.nextInt());
      group.settle();
      assertThat(moved(before, group.owners()))
          .as("of %d tasks to a worker that joins %d, seed %d", tasks, workers, seed)
          .isLessThanOrEqualTo((tasks + workers) / (workers + 1));

      before = group.owners();
      String leaver = "w" + random.nextInt(workers);
      int had = group.tasksOf(leaver).size();
      group.leave(leaver);
      group.settle();
      assertThat(moved(before, group.owners())).isEqualTo(had);
    }
  }

  @Test
  void unreadableMembersLeaveAllTasksWhereTheyAre() {
    Group group = new Group().connector("a", 4).join("w1").join("w2");
    group.settle();
    Map<TaskKey, String> before = group.owners();
    group.connector("b", 2).join("w3");

    group.apply(Assignor.keepDesired(group.offset, group.wanted, group.states()));
    group.releaseAll();

    assertThat(group.owners()).isEqualTo(before);
    group.wanted.removeIf(set -> set.connector().equals("a"));
    Assignments none = Assignor.keepDesired(group.offset, group.wanted, group.states());
    assertThat(keys(none.tasksOf(0))).isEmpty();
    assertThat(none.hasWorker(before.keySet().iterator().next())).as("it is claimed").isTrue();
    assertThat(none.hasWorker(new TaskKey(group.offset, 0))).isFalse();
  }

  @Test
  void aLeaderThatIsBehindKeepsUnknownTasksInPlace() {
    Group group = new Group().connector("a", 4).join("w1").join("w2");
    group.settle();
    Map<TaskKey, String> before = group.owners();
    group.join("w3");

    group.apply(Assignor.keepAll(0, group.states()));
    group.releaseAll();

    assertThat(group.owners()).isEqualTo(before);
    group.leaving.add("w1");
    assertThat(keys(Assignor.keepAll(0, group.states()).tasksOf(0))).isEmpty();
  }

  @Test
  void fortyThousandTasksOnTwentyWorkersTakeTwoHundredMillis() {
    Group group = large();
    assertThat(medianMillis(group)).isLessThan(200);
    group.settle();
    group.join("worker-20");
    assertThat(medianMillis(group)).as("when a worker has joined").isLessThan(200);
  }

  private static Group large() {
    Group group = new Group();
    for (int i = 0; i < 5000; i++) {
      group.wanted.add(new TaskGeneration("connector-" + i, ++group.offset, 8));
    }
    for (int i = 0; i < 20; i++) {
      group.join("worker-" + i);
    }
    return group;
  }

  /** CPU time of the thread, because other tests run at the same time. */
  private static long medianMillis(Group group) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    SortedMap<String, MemberState> states = group.states();
    long[] millis = new long[9];
    for (int run = 0; run < millis.length; run++) {
      long start = threads.getCurrentThreadCpuTime();
      Assignments assignments = Assignor.assign(group.offset, group.wanted, states);
      for (int worker = 0; worker < states.size(); worker++) {
        GroupProtocol.encode(assignments.of(worker));
      }
      millis[run] = (threads.getCurrentThreadCpuTime() - start) / 1_000_000;
    }
    Arrays.sort(millis);
    return millis[millis.length / 2];
  }

  private static List<TaskKey> keys(List<OwnedTasks> owned) {
    List<TaskKey> keys = new ArrayList<>();
    for (OwnedTasks tasks : owned) {
      tasks.tasks().stream().forEach(task -> keys.add(new TaskKey(tasks.generation(), task)));
    }
    return keys;
  }

  private static long moved(Map<TaskKey, String> before, Map<TaskKey, String> after) {
    return before.entrySet().stream()
        .filter(entry -> !entry.getValue().equals(after.get(entry.getKey())))
        .count();
  }

  /** Workers that follow assignments, each at its own pace. */
  private static final class Group {
    private final List<TaskGeneration> wanted = new ArrayList<>();
    private final SortedMap<String, Map<TaskKey, String>> owned = new TreeMap<>();
    private final Map<String, Set<TaskKey>> assigned = new HashMap<>();
    private final Set<String> leaving = new HashSet<>();
    private long offset;
    private int joined;

    Group connector(String name, int tasks) {
      wanted.removeIf(set -> set.connector().equals(name));
      wanted.add(new TaskGeneration(name, ++offset, tasks));
      return this;
    }

    Group join(String worker) {
      owned.put(worker, new HashMap<>());
      assigned.put(worker, Set.of());
      return this;
    }

    void leave(String worker) {
      owned.remove(worker);
      assigned.remove(worker);
    }

    void doSomething(Random random) {
      switch (random.nextInt(6)) {
        case 0 -> join("w" + ++joined);
        case 1 -> {
          if (owned.size() > 1) {
            leave(new ArrayList<>(owned.keySet()).get(random.nextInt(owned.size())));
          }
        }
        case 2, 3 -> connector("c" + random.nextInt(12), 1 + random.nextInt(9));
        case 4 -> {
          if (!wanted.isEmpty()) {
            offset++;
            wanted.remove(random.nextInt(wanted.size()));
          }
        }
        default -> {}
      }
    }

    SortedMap<String, MemberState> states() {
      SortedMap<String, MemberState> states = new TreeMap<>();
      owned.forEach(
          (worker, tasks) -> {
            Map<Long, OwnedTasks> sets = new TreeMap<>();
            tasks.forEach(
                (key, connector) ->
                    sets.computeIfAbsent(
                            key.generation(),
                            generation ->
                                new OwnedTasks(
                                    MemberState.hash(connector), generation, new BitSet()))
                        .tasks()
                        .set(key.task()));
            states.put(
                worker,
                new MemberState(
                    worker, offset, !leaving.contains(worker), List.copyOf(sets.values())));
          });
      return states;
    }

    Assignments assign() {
      return Assignor.assign(offset, wanted, states());
    }

    /** Starts assigned tasks. Tasks that are no longer assigned are released later. */
    void apply(Assignments assignments) {
      Map<Long, TaskGeneration> sets = new HashMap<>();
      wanted.forEach(set -> sets.put(set.generation(), set));
      for (int i = 0; i < assignments.workers().size(); i++) {
        String worker = assignments.workers().get(i);
        Set<TaskKey> tasks = new TreeSet<>(keys(assignments.tasksOf(i)));
        assigned.put(worker, tasks);
        for (TaskKey task : tasks) {
          // A leader that is behind keeps tasks of generations that are no longer wanted.
          TaskGeneration set = sets.get(task.generation());
          if (set != null) {
            owned.get(worker).put(task, set.connector());
          }
          assertThat(owned.get(worker)).containsKey(task);
        }
      }
      checkThatNothingRunsTwice();
    }

    private void checkThatNothingRunsTwice() {
      Map<TaskKey, Integer> running = new HashMap<>();
      Map<String, Set<Long>> generations = new HashMap<>();
      assigned.forEach(
          (worker, tasks) -> tasks.forEach(task -> running.merge(task, 1, Integer::sum)));
      assertThat(running.values()).allMatch(count -> count == 1);
      Map<TaskKey, Integer> existing = new HashMap<>();
      owned
          .values()
          .forEach(
              tasks ->
                  tasks.forEach(
                      (task, connector) -> {
                        existing.merge(task, 1, Integer::sum);
                        generations
                            .computeIfAbsent(connector, name -> new HashSet<>())
                            .add(task.generation());
                      }));
      assertThat(existing.values()).allMatch(count -> count == 1);
      assertThat(generations.values()).allMatch(set -> set.size() == 1);
    }

    void releaseSome(Random random) {
      owned.forEach(
          (worker, tasks) ->
              tasks
                  .keySet()
                  .removeIf(
                      task -> !assigned.get(worker).contains(task) && random.nextInt(3) == 0));
    }

    void releaseAll() {
      owned.forEach((worker, tasks) -> tasks.keySet().retainAll(assigned.get(worker)));
    }

    void settle() {
      for (int round = 0; round < 5; round++) {
        apply(assign());
        releaseAll();
      }
    }

    void checkSettled(String when) {
      int tasks = wanted.stream().mapToInt(TaskGeneration::tasks).sum();
      assertThat(owners()).as(when).hasSize(tasks);
      int min = owned.values().stream().mapToInt(Map::size).min().orElseThrow();
      int max = owned.values().stream().mapToInt(Map::size).max().orElseThrow();
      assertThat(max - min).as(when).isLessThanOrEqualTo(1);
      Map<TaskKey, String> before = owners();
      settle();
      assertThat(owners()).as(when).isEqualTo(before);
    }

    Set<TaskKey> tasksOf(String worker) {
      return owned.get(worker).keySet();
    }

    Map<TaskKey, String> owners() {
      Map<TaskKey, String> owners = new HashMap<>();
      owned.forEach((worker, tasks) -> tasks.keySet().forEach(task -> owners.put(task, worker)));
      return owners;
    }
  }
}
