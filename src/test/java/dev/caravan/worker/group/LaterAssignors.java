// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Configurable;

/** Assignors of future versions, and one of another program. */
final class LaterAssignors {
  private static final int VERSION = 2;
  private static final int READER = 3;

  /** A section that version 1 does not have: tag, length, content. */
  private static final byte[] SECTION = {99, 2, 1, 1};

  private LaterAssignors() {}

  /** Version 2, with an additional section, which version 1 may read. */
  public static class Compatible implements ConsumerPartitionAssignor, Configurable {
    private final GroupAssignor version1 = new GroupAssignor();

    @Override
    public String name() {
      return GroupAssignor.NAME;
    }

    @Override
    public void configure(Map<String, ?> configs) {
      version1.configure(configs);
    }

    /** Converts data of version 1 to version 2. */
    ByteBuffer later(ByteBuffer bytes) {
      byte[] result = new byte[bytes.remaining() + SECTION.length];
      bytes.duplicate().get(result, 0, bytes.remaining());
      System.arraycopy(SECTION, 0, result, bytes.remaining(), SECTION.length);
      result[VERSION] = 2;
      return ByteBuffer.wrap(result);
    }

    /** Converts data back if version 1 could not read it. */
    ByteBuffer understood(ByteBuffer bytes) {
      return bytes;
    }

    @Override
    public ByteBuffer subscriptionUserData(Set<String> topics) {
      return later(version1.subscriptionUserData(topics));
    }

    @Override
    public GroupAssignment assign(Cluster metadata, GroupSubscription groupSubscription) {
      Map<String, Subscription> subscriptions = new HashMap<>();
      groupSubscription
          .groupSubscription()
          .forEach(
              (id, subscription) ->
                  subscriptions.put(
                      id,
                      new Subscription(
                          subscription.topics(),
                          understood(subscription.userData()),
                          subscription.ownedPartitions(),
                          subscription.generationId().orElse(-1),
                          subscription.rackId())));
      Map<String, Assignment> result = new HashMap<>();
      version1
          .assign(metadata, new GroupSubscription(subscriptions))
          .groupAssignment()
          .forEach(
              (id, assignment) ->
                  result.put(
                      id,
                      assignment.userData() == null
                          ? assignment
                          : new Assignment(assignment.partitions(), later(assignment.userData()))));
      return new GroupAssignment(result);
    }

    @Override
    public void onAssignment(Assignment assignment, ConsumerGroupMetadata metadata) {
      ByteBuffer data = assignment.userData();
      version1.onAssignment(
          new Assignment(
              assignment.partitions(),
              data == null || !data.hasRemaining() ? data : understood(data)),
          metadata);
    }
  }

  /** An invalid version 2 with the same name, whose data version 1 can't read. */
  public static final class Incompatible extends Compatible {
    @Override
    ByteBuffer later(ByteBuffer bytes) {
      ByteBuffer result = super.later(bytes);
      return result.put(READER, (byte) 2);
    }

    @Override
    ByteBuffer understood(ByteBuffer bytes) {
      byte[] result = new byte[bytes.remaining()];
      bytes.duplicate().get(result);
      result[READER] = 1;
      return ByteBuffer.wrap(result);
    }
  }

  /** A version with an incompatible format and its own name. */
  public static final class Next extends Compatible {
    @Override
    public String name() {
      return "caravan-next";
    }
  }

  /** A consumer of another program whose assignor has the same name. */
  public static final class Stray extends RangeAssignor {
    @Override
    public String name() {
      return GroupAssignor.NAME;
    }
  }
}
