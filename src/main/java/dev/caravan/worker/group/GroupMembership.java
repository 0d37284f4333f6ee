// SPDX-License-Identifier: Apache-2.0
package dev.caravan.worker.group;

import dev.caravan.worker.kafka.KafkaCluster;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InconsistentGroupProtocolException;
import org.apache.kafka.common.errors.InvalidSessionTimeoutException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The worker's membership in its group. Its thread polls Kafka's consumer, which detects joining
 * and failed workers and calls the {@link GroupAssignor}. The thread does nothing else. It
 * continues after every error, except if the group has another protocol or if Kafka refuses the
 * session timeout.
 *
 * <p>It extends the worker's lease when Kafka has answered a heartbeat. It ends the lease at once
 * when Kafka no longer knows the worker's member id or generation. Thread-safe.
 */
public final class GroupMembership implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GroupMembership.class);
  private static final Duration POLL = Duration.ofMillis(50);

  /**
   * The time without an answered heartbeat after which the membership is checked by a request.
   * Heartbeats are more frequent, except during a join.
   */
  private static final Duration SILENCE = Duration.ofSeconds(1);

  private static final long BACKOFF_MILLIS = 1000;
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

  private final Set<String> topics;
  private final RebalanceListener member;
  private final GroupLease lease;
  private final String groupId;
  private final String sessionTimeout;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Thread thread = new Thread(this::run, "group-membership");
  private final CountDownLatch closed = new CountDownLatch(1);
  private final KafkaCluster cluster;
  private final GroupMetadataSize size;
  private final Heartbeats heartbeats = new Heartbeats(System.nanoTime());
  private boolean isJoining;

  /** How old the last heartbeat is at most that Kafka has answered, while Kafka is there. */
  private final Duration recent;

  /** Whether the client has begun to join, while Kafka was there, and has not joined yet. */
  private boolean isAwaitingJoin;

  private long inquired = System.nanoTime();

  /**
   * Creates a membership; {@link #start} joins the group.
   *
   * @param settings the settings of the consumer, without the assignor
   * @param topics the internal topics of the group
   */
  public GroupMembership(
      Map<String, Object> settings,
      Set<String> topics,
      KafkaCluster cluster,
      RebalanceListener member,
      GroupLease lease) {
    this(settings, topics, cluster, member, lease, List.of(GroupAssignor.class));
  }

  /**
   * Creates a membership with other assignors.
   *
   * @param assignors the assignors of this worker, the preferred one first. Kafka picks one that
   *     all workers have
   */
  GroupMembership(
      Map<String, Object> settings,
      Set<String> topics,
      KafkaCluster cluster,
      RebalanceListener member,
      GroupLease lease,
      List<Class<? extends ConsumerPartitionAssignor>> assignors) {
    this.cluster = cluster;
    this.topics = Set.copyOf(topics);
    this.member = member;
    this.lease = lease;
    this.groupId = String.valueOf(settings.get(ConsumerConfig.GROUP_ID_CONFIG));
    this.sessionTimeout = String.valueOf(settings.get(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG));
    Duration heartbeat =
        Duration.ofMillis(
            Long.parseLong(
                String.valueOf(settings.get(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG))));
    this.recent = SILENCE.plus(heartbeat);
    Map<String, Object> all = new HashMap<>(settings);
    all.put(ConsumerConfig.PARTITION_ASSIGNMENT_STRATEGY_CONFIG, assignors);
    all.put(GroupAssignor.MEMBER, member);
    this.size = new GroupMetadataSize(groupId);
    all.put(GroupAssignor.SIZE, size);
    all.put(
        ConsumerConfig.METRICS_SAMPLE_WINDOW_MS_CONFIG,
        Heartbeats.WINDOW.multipliedBy(3).dividedBy(4).toMillis());
    this.consumer =
        new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /** Joins the group. Does not block. */
  public void start() {
    thread.start();
  }

  private void run() {
    RuntimeException reason =
        new IllegalStateException("The thread of the group membership has ended.");
    try (consumer) {
      consumer.subscribe(topics, new Pausing());
      try {
        while (closed.getCount() > 0) {
          poll();
        }
      } finally {
        // Before the worker leaves the group, because others may have its tasks after that.
        lease.end();
      }
    } catch (WakeupException e) {
      // The membership is closed.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (InconsistentGroupProtocolException e) {
      reason =
          new KafkaException(
              "Group \""
                  + groupId
                  + "\" has members of another kind, such as running Kafka Connect workers. Stop them"
                  + " first, or give this worker another group or cluster.",
              e);
    } catch (InvalidSessionTimeoutException e) {
      reason =
          new KafkaException(
              "Kafka refuses the worker's "
                  + ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG
                  + " of \""
                  + sessionTimeout
                  + "\". Set it to a value between group.min.session.timeout.ms and"
                  + " group.max.session.timeout.ms of the brokers, by default between 6000 and"
                  + " 1800000.",
              e);
    } catch (RuntimeException e) {
      reason = e;
    } finally {
      if (closed.getCount() > 0) {
        member.onFatalError(reason);
      }
    }
  }

  private void poll() throws InterruptedException {
    try {
      consumer.poll(POLL);
      observeHeartbeats();
      if (lease.hasEnded()) {
        member.onLost();
      } else if (isAwaitingJoin && lease.age().compareTo(SILENCE) > 0) {
        inquire();
      }
      if (member.needsRebalance()) {
        consumer.enforceRebalance("tasks must be assigned");
      }
    } catch (WakeupException
        | InconsistentGroupProtocolException
        | InvalidSessionTimeoutException e) {
      throw e;
    } catch (KafkaException | IllegalStateException e) {
      LOG.error("Can't join the group of workers, retrying: {}{}", e, advice(e));
      if (lease.hasEnded()) {
        member.onLost();
      }
      closed.await(BACKOFF_MILLIS, TimeUnit.MILLISECONDS);
      consumer.enforceRebalance("after an error");
    }
  }

  /**
   * Returns advice for the error that the coordinator sends when it can't write the group metadata.
   * That error has no reason.
   */
  private String advice(RuntimeException failure) {
    return String.valueOf(failure.getMessage()).startsWith("Unexpected error from SyncGroup")
        ? ". If the coordinator's log has RecordTooLargeException or MESSAGE_TOO_LARGE, the group"
            + " metadata is too large. "
            + size.advice()
        : "";
  }

  /**
   * Asks the coordinator whether the group still waits for members to join. Kafka's client sends no
   * heartbeats while it joins, and a join may last until the session of a crashed worker ends. A
   * member that has joined is not removed meanwhile.
   *
   * <p>This applies only after the client has begun to join, with a recent heartbeat. Before that,
   * the group may wait for this very worker, until its session ends: heartbeats may be lost on
   * their connection while this request arrives on another.
   */
  private void inquire() {
    long now = System.nanoTime();
    if (now - inquired < SILENCE.toNanos()) {
      return;
    }
    inquired = now;
    cluster
        .isJoining(groupId, consumer.groupMetadata().memberId())
        .whenComplete(
            (isJoining, failure) -> {
              if (failure == null && isJoining) {
                lease.extend(now);
              }
            });
  }

  private void observeHeartbeats() {
    long now = System.nanoTime();
    // In this order: the maximum may then belong to a later answer, which only makes the time
    // earlier.
    double total = metric("heartbeat-total");
    double slowest = metric("heartbeat-response-time-max");
    OptionalLong sentAt = heartbeats.observe(total, slowest, isJoining, now);
    isJoining = false;
    if (sentAt.isPresent() && lease.onHeartbeat(sentAt.getAsLong())) {
      member.onLeaseStarted();
    }
  }

  private double metric(String name) {
    for (Map.Entry<MetricName, ? extends Metric> metric : consumer.metrics().entrySet()) {
      if (metric.getKey().name().equals(name)) {
        return (double) metric.getValue().metricValue();
      }
    }
    return 0;
  }

  /**
   * Leaves the group, so that others get this worker's tasks at once. All tasks must have stopped.
   * Blocks for 5 s at most.
   */
  @Override
  public void close() {
    closed.countDown();
    if (thread.getState() == Thread.State.NEW) {
      consumer.close(Duration.ZERO);
      return;
    }
    consumer.wakeup();
    try {
      thread.join(CLOSE_TIMEOUT.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Pauses the partitions that the group assigns, because nothing is read from them. Each worker
   * has at least one: Kafka's client calls this listener before it joins again only for a member
   * with partitions.
   */
  private final class Pausing implements ConsumerRebalanceListener {
    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
      isAwaitingJoin = false;
      consumer.pause(partitions);
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      isJoining = true;
      isAwaitingJoin = lease.age().compareTo(recent) <= 0;
    }

    /** Handles a lost membership: the member id or the generation was reset. */
    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
      isJoining = true;
      if (closed.getCount() > 0) {
        // During close the consumer itself leaves the group.
        member.onLost();
      }
    }
  }
}
