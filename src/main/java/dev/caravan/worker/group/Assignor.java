// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import dev.caravan.worker.group.Assignments.Share;
import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Assigns tasks to workers. The result depends only on the desired tasks and on what the workers
 * claim. For one call on one thread.
 *
 * <ul>
 *   <li>The numbers of tasks per worker differ by one at most. Within that limit a task stays where
 *       it is, and the tasks of one connector are on different workers.
 *   <li>A task that moves has no owner until its worker has stopped it and joined again without it.
 *       All other tasks continue.
 *   <li>A worker that takes no tasks, because it stops or has lost its group, gets none. The tasks
 *       that it still has get no owner, unless another worker has them already.
 *   <li>The tasks of a new config generation have no owner while any worker has tasks of another
 *       generation of the same connector.
 * </ul>
 *
 * So no two workers run the same task, as long as each worker claims all tasks that it has. If two
 * workers have the same task, after a network partition, one of them keeps it.
 */
final class Assignor {
  /** The tasks of one config generation of a connector. */
  private record Tasks(int connectorHash, long generation, int count) {
    static Tasks of(TaskGeneration set) {
      return new Tasks(MemberState.hash(set.connector()), set.generation(), set.tasks());
    }
  }

  private final List<Tasks> sets;
  private final List<MemberState> members;
  private final Map<Long, Integer> setsByGeneration = new HashMap<>();

  /** The member that has a task, by generation and task, or NOBODY. */
  private final int[][] current;

  /** The member that is to have a task, by generation and task, or NOBODY. */
  private final int[][] planned;

  /** The number of members that claim a task, by generation and task. */
  private final int[][] claims;

  /** The number of planned tasks, by generation and member. */
  private final int[][] spread;

  /** The number of planned tasks, by member. */
  private final int[] load;

  private Assignor(Collection<Tasks> wanted, List<MemberState> members) {
    this.sets = wanted.stream().sorted(Comparator.comparingLong(Tasks::generation)).toList();
    this.members = members;
    this.current = perTask(Assignments.NOBODY);
    this.planned = perTask(Assignments.NOBODY);
    this.claims = perTask(0);
    this.spread = new int[sets.size()][members.size()];
    this.load = new int[members.size()];
    for (int set = 0; set < sets.size(); set++) {
      setsByGeneration.put(sets.get(set).generation(), set);
    }
  }

  private int[][] perTask(int value) {
    int[][] result = new int[sets.size()][];
    for (int set = 0; set < result.length; set++) {
      result[set] = new int[sets.get(set).count()];
      Arrays.fill(result[set], value);
    }
    return result;
  }

  /**
   * Assigns the desired tasks.
   *
   * @param configOffset the offset of the config snapshot that {@code wanted} comes from
   * @param wanted the desired tasks
   * @param members the workers, by member id
   */
  static Assignments assign(
      long configOffset, List<TaskGeneration> wanted, SortedMap<String, MemberState> members) {
    Assignor assignor =
        new Assignor(wanted.stream().map(Tasks::of).toList(), List.copyOf(members.values()));
    assignor.readClaims();
    assignor.plan();
    return assignor.result(configOffset);
  }

  /**
   * Leaves the desired tasks where they are and assigns no others. Used while some members can't be
   * read, because their tasks are unknown.
   */
  static Assignments keepDesired(
      long configOffset, List<TaskGeneration> wanted, SortedMap<String, MemberState> members) {
    Assignor assignor =
        new Assignor(wanted.stream().map(Tasks::of).toList(), List.copyOf(members.values()));
    assignor.readClaims();
    return assignor.result(configOffset);
  }

  /** Leaves all tasks where they are. Used while the leader does not know the desired tasks. */
  static Assignments keepAll(long configOffset, SortedMap<String, MemberState> members) {
    Map<Long, Tasks> claimed = new HashMap<>();
    for (MemberState member : members.values()) {
      for (OwnedTasks owned : member.owned()) {
        claimed.merge(
            owned.generation(),
            new Tasks(owned.connectorHash(), owned.generation(), owned.tasks().length()),
            (one, other) -> one.count() < other.count() ? other : one);
      }
    }
    Assignor assignor = new Assignor(claimed.values(), List.copyOf(members.values()));
    assignor.readClaims();
    return assignor.result(configOffset);
  }

  private void readClaims() {
    for (int member = 0; member < members.size(); member++) {
      for (OwnedTasks owned : members.get(member).owned()) {
        Integer set = setsByGeneration.get(owned.generation());
        if (set == null) {
          continue;
        }
        BitSet tasks = owned.tasks();
        for (int task = tasks.nextSetBit(0);
            task >= 0 && task < current[set].length;
            task = tasks.nextSetBit(task + 1)) {
          claims[set][task]++;
          if (members.get(member).takesTasks() && current[set][task] == Assignments.NOBODY) {
            current[set][task] = member;
            plan(set, task, member);
          }
        }
      }
    }
  }

  private void plan(int set, int task, int member) {
    planned[set][task] = member;
    spread[set][member]++;
    load[member]++;
  }

  private void unplan(int set, int task) {
    int member = planned[set][task];
    planned[set][task] = Assignments.NOBODY;
    spread[set][member]--;
    load[member]--;
  }

  private void plan() {
    int[] quota = quotas();
    for (int member = 0; member < quota.length; member++) {
      removeExcess(member, quota[member]);
    }
    for (int set = 0; set < sets.size(); set++) {
      for (int task = 0; task < planned[set].length; task++) {
        int member =
            planned[set][task] == Assignments.NOBODY
                ? memberForOneMore(set, quota)
                : Assignments.NOBODY;
        if (member != Assignments.NOBODY) {
          plan(set, task, member);
        }
      }
    }
  }

  /**
   * Returns the maximum number of tasks per member. Members with more tasks come first when the
   * remainder is distributed.
   */
  private int[] quotas() {
    int total = sets.stream().mapToInt(Tasks::count).sum();
    int[] quota = new int[load.length];
    List<Integer> takers =
        IntStream.range(0, quota.length)
            .filter(member -> members.get(member).takesTasks())
            .boxed()
            .sorted(Comparator.comparingInt((Integer member) -> -load[member]))
            .toList();
    for (int i = 0; i < takers.size(); i++) {
      quota[takers.get(i)] = total / takers.size() + (i < total % takers.size() ? 1 : 0);
    }
    return quota;
  }

  /**
   * Removes the tasks of a member beyond its quota. Starts with generations of which it has most.
   */
  private void removeExcess(int member, int quota) {
    int most = 0;
    for (int[] members : spread) {
      most = Math.max(most, members[member]);
    }
    for (int level = most; level > 0; level--) {
      for (int set = sets.size() - 1; set >= 0 && load[member] > quota; set--) {
        if (spread[set][member] == level) {
          unplan(set, lastTask(set, member));
        }
      }
    }
  }

  private int lastTask(int set, int member) {
    int task = planned[set].length - 1;
    while (planned[set][task] != member) {
      task--;
    }
    return task;
  }

  /**
   * Returns the member for one more task of a generation; NOBODY if all have reached their quotas.
   */
  private int memberForOneMore(int set, int[] quota) {
    int best = Assignments.NOBODY;
    for (int member = 0; member < quota.length; member++) {
      if (load[member] < quota[member]
          && (best == Assignments.NOBODY || isBetter(set, quota, member, best))) {
        best = member;
      }
    }
    return best;
  }

  private boolean isBetter(int set, int[] quota, int member, int than) {
    return spread[set][member] == spread[set][than]
        ? quota[member] - load[member] > quota[than] - load[than]
        : spread[set][member] < spread[set][than];
  }

  /** Returns the plan without tasks that other workers have not released. */
  private Assignments result(long configOffset) {
    Set<Integer> busy = connectorsWithOtherGenerations();
    SortedMap<Long, Share> owners = new TreeMap<>();
    for (int set = 0; set < sets.size(); set++) {
      int[] result = planned[set].clone();
      Tasks tasks = sets.get(set);
      boolean waits = busy.contains(tasks.connectorHash());
      for (int task = 0; task < result.length; task++) {
        boolean stays = result[task] != Assignments.NOBODY && result[task] == current[set][task];
        if (!stays && (waits || claims[set][task] > 0)) {
          result[task] = Assignments.NOBODY;
        }
      }
      owners.put(tasks.generation(), new Share(tasks.connectorHash(), result));
    }
    return new Assignments(
        configOffset, members.stream().map(MemberState::workerId).toList(), owners, claimed());
  }

  private Map<Long, BitSet> claimed() {
    Map<Long, BitSet> claimed = new HashMap<>();
    for (MemberState member : members) {
      for (OwnedTasks owned : member.owned()) {
        claimed.computeIfAbsent(owned.generation(), key -> new BitSet()).or(owned.tasks());
      }
    }
    return claimed;
  }

  private Set<Integer> connectorsWithOtherGenerations() {
    Set<Integer> connectors = new HashSet<>();
    for (MemberState member : members) {
      for (OwnedTasks owned : member.owned()) {
        if (!owned.tasks().isEmpty() && !setsByGeneration.containsKey(owned.generation())) {
          connectors.add(owned.connectorHash());
        }
      }
    }
    return connectors;
  }
}
