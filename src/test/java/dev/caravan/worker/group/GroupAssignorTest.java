// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.GroupSubscription;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** How the leader reads the states of members and assigns partitions. */
@Tag("unit")
class GroupAssignorTest {
  private static final Node NODE = new Node(1, "localhost", 9092);
  private static final Cluster CLUSTER =
      new Cluster(
          "cluster",
          List.of(NODE),
          List.of(partition("configs", 0), partition("status", 0), partition("status", 1)),
          Set.of(),
          Set.of());

  private final Leader leader = new Leader();

  private static PartitionInfo partition(String topic, int number) {
    return new PartitionInfo(topic, number, NODE, new Node[] {NODE}, new Node[] {NODE});
  }

  private static final class Leader implements RebalanceListener {
    private SortedMap<String, MemberState> members = new TreeMap<>();
    private Set<String> unreadable = Set.of();

    @Override
    public MemberState memberState() {
      throw new AssertionError("not asked here");
    }

    @Override
    public Assignments assign(SortedMap<String, MemberState> states, Set<String> others) {
      members = states;
      unreadable = others;
      return Assignor.assign(1, List.of(), states);
    }

    @Override
    public void onAssigned(MemberAssignment assignment, String memberId, int generation) {
      throw new AssertionError("not asked here");
    }

    @Override
    public boolean needsRebalance() {
      return false;
    }

    @Override
    public void onLeaseStarted() {
      throw new AssertionError("not asked here");
    }

    @Override
    public void onLost() {
      throw new AssertionError("not asked here");
    }

    @Override
    public void onUnreadableAssignment() {
      throw new AssertionError("not asked here");
    }

    @Override
    public void onFatalError(RuntimeException reason) {
      throw reason;
    }
  }

  private static Subscription joined(int generation) {
    OwnedTasks owned = new OwnedTasks(1, 2, BitSet.valueOf(new long[] {1}));
    return new Subscription(
        List.of("configs", "status"),
        GroupProtocol.encode(new MemberState("w:1", 1, true, List.of(owned))),
        List.of(),
        generation,
        Optional.empty());
  }

  private Map<String, Assignment> assign(Map<String, Subscription> subscriptions) {
    GroupAssignor assignor = new GroupAssignor();
    assignor.configure(Map.of(GroupAssignor.MEMBER, leader));
    return assignor.assign(CLUSTER, new GroupSubscription(subscriptions)).groupAssignment();
  }

  @Test
  void aWorkerThatHasTasksAndThatTheGroupHasForgottenMustStopThemFirst() {
    assign(Map.of("a", joined(4), "b", joined(-1)));
    assertThat(leader.members.get("a").takesTasks()).isTrue();
    assertThat(leader.members.get("b").takesTasks()).isFalse();
    assertThat(leader.members.get("b").owned()).hasSize(1);
  }

  @Test
  void membersGetPartitionsOfTheirOwnTopicsOnly() {
    Map<String, Subscription> subscriptions = new HashMap<>();
    subscriptions.put("a-stray", new Subscription(List.of("status"), null));
    subscriptions.put("b", joined(4));
    subscriptions.put("c", joined(4));

    Map<String, Assignment> assigned = assign(subscriptions);

    assertThat(leader.unreadable).containsExactly("a-stray");
    assertThat(assigned.get("a-stray").partitions())
        .hasSize(1)
        .allMatch(p -> p.topic().equals("status"));
    assertThat(assigned.get("a-stray").userData()).isNull();
    assertThat(assigned.get("b").partitions()).hasSize(3);
    assertThat(assigned.get("c").partitions()).hasSize(1);
  }
}
