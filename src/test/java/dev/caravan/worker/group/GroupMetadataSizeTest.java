// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.worker.group.MemberState.OwnedTasks;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.SimpleRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The group metadata of the largest supported group. */
@Tag("unit")
class GroupMetadataSizeTest {
  private static final int CONNECTORS = 5000;
  private static final int TASKS = 8;
  private static final int WORKERS = 20;

  private static final String GROUP = "a-rather-long-name-of-a-group";
  private static final List<String> TOPICS =
      List.of(GROUP + "-configs", GROUP + "-offsets", GROUP + "-status");

  /** Returns the size of the group metadata in version 3 of Kafka's format. */
  private static int recordBytes(Map<String, Subscription> joined, Map<String, Assignment> sent) {
    int bytes = text("consumer") + Integer.BYTES + text(GroupAssignor.NAME);
    bytes += text(joined.keySet().iterator().next()) + Long.BYTES + Integer.BYTES;
    for (Map.Entry<String, Subscription> member : joined.entrySet()) {
      String clientId = clientId();
      String host = "/2001:0db8:85a3:0000:0000:8a2e:0370:7334";
      bytes += text(member.getKey()) + Short.BYTES + text(clientId) + text(host);
      bytes += 2 * Integer.BYTES;
      bytes +=
          Integer.BYTES + ConsumerProtocol.serializeSubscription(member.getValue()).remaining();
      Assignment assignment = sent.get(member.getKey());
      bytes += Integer.BYTES + ConsumerProtocol.serializeAssignment(assignment).remaining();
    }
    byte[] key = ByteBuffer.allocate(Short.BYTES + text(GROUP)).array();
    SimpleRecord record = new SimpleRecord(key, new byte[Short.BYTES + bytes]);
    return MemoryRecords.withRecords(Compression.NONE, record).sizeInBytes();
  }

  private static String clientId() {
    return "consumer-" + GROUP + "-12";
  }

  private static int text(String value) {
    return Short.BYTES + value.getBytes(UTF_8).length;
  }

  @Test
  void fiveThousandConnectorsOnTwentyWorkersFitWhileEverythingMoves() {
    List<Long> generations = generations();
    Map<String, Subscription> joined = new TreeMap<>();
    Map<String, Assignment> sent = new TreeMap<>();
    List<String> ids =
        IntStream.range(0, WORKERS)
            .mapToObj(n -> "worker-" + n + ".a.rather.long.host.name.example.com:8083")
            .toList();
    for (int worker = 0; worker < WORKERS; worker++) {
      String id = clientId() + "-00000000-0000-0000-0000-0000000000" + (10 + worker);
      List<TopicPartition> partitions = new ArrayList<>();
      TOPICS.forEach(topic -> partitions.add(new TopicPartition(topic, 0)));
      MemberState state =
          new MemberState(ids.get(worker), Integer.MAX_VALUE, true, tasks(generations, worker));
      // Each worker still has its old tasks, and is assigned those of its neighbor.
      MemberAssignment assignment =
          new MemberAssignment(Integer.MAX_VALUE, ids, tasks(generations, (worker + 1) % WORKERS));
      joined.put(id, new Subscription(TOPICS, GroupProtocol.encode(state), partitions));
      sent.put(id, new Assignment(partitions, GroupProtocol.encode(assignment)));
    }
    int bytes = recordBytes(joined, sent);
    System.out.println("Group metadata while everything moves: " + bytes + " bytes");
    assertThat(bytes).isLessThan(GroupMetadataSize.DEFAULT_LIMIT * 2 / 3);
    assertThat(new GroupMetadataSize(GROUP).of(joined.values(), sent.values()))
        .as("what the leader computes")
        .isBetween(bytes, bytes + 4000);
  }

  /** Returns generations as in a topic with a long history of two million records. */
  private static List<Long> generations() {
    Random random = new Random(12);
    TreeSet<Long> generations = new TreeSet<>();
    while (generations.size() < CONNECTORS) {
      generations.add(random.nextLong(2_000_000));
    }
    return List.copyOf(generations);
  }

  /** Returns the tasks of a worker, each of another connector, which needs the most space. */
  private static List<OwnedTasks> tasks(List<Long> generations, int worker) {
    SortedMap<Long, BitSet> tasks = new TreeMap<>();
    for (int set = 0; set < generations.size(); set++) {
      for (int task = 0; task < TASKS; task++) {
        if ((set * TASKS + task) % WORKERS == worker) {
          tasks.computeIfAbsent(generations.get(set), key -> new BitSet()).set(task);
        }
      }
    }
    List<OwnedTasks> owned = new ArrayList<>();
    tasks.forEach((generation, set) -> owned.add(new OwnedTasks(0xffff, generation, set)));
    assertThat(owned).hasSize(CONNECTORS * TASKS / WORKERS);
    return owned;
  }
}
