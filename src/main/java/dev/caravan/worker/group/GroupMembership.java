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
 * A worker's place in its group: the thread that polls Kafka's consumer, which finds the other
 * workers, notices when one is gone, and has the leader assign the tasks. That thread does nothing
 * else, and no error ends it, except that the group is one of another kind, or that Kafka refuses
 * the worker's session timeout.
 *
 * <p>It prolongs the worker's lease when Kafka has accepted a heartbeat, and ends the lease at once
 * when Kafka no longer knows the worker's member id or generation. Safe for use by several threads.
 */
public final class GroupMembership implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GroupMembership.class);
  private static final Duration POLL = Duration.ofMillis(50);

  /** Heartbeats are more frequent, unless none are sent. */
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
   * @param settings of a consumer of the group, without its assignor
   * @param topics that the group of workers is for
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
   * @param assignors which this worker understands, the preferred one first: Kafka picks one that
   *     all workers understand
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

  /** Joins the group, without waiting for it. */
  public void start() {
    thread.start();
  }

  private void run() {
    RuntimeException reason = new IllegalStateException("The group's thread has ended");
    try (consumer) {
      consumer.subscribe(topics, new Pausing());
      try {
        while (closed.getCount() > 0) {
          poll();
        }
      } finally {
        // Before the worker leaves the group: others may have its tasks from then on.
        lease.end();
      }
    } catch (WakeupException e) {
      // Closed.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (InconsistentGroupProtocolException e) {
      reason =
          new KafkaException(
              "Group '"
                  + groupId
                  + "' has members of another kind, such as those of a Kafka Connect cluster that"
                  + " is running. Stop them first, or give this worker another group or cluster",
              e);
    } catch (InvalidSessionTimeoutException e) {
      reason =
          new KafkaException(
              "Kafka refuses the worker's "
                  + ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG
                  + " of "
                  + sessionTimeout
                  + ". Set it to a value between group.min.session.timeout.ms and"
                  + " group.max.session.timeout.ms of the brokers, which are 6000 and 1800000 unless"
                  + " they are set",
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
      LOG.error("The group of workers can't be joined at the moment: {}{}", e, advice(e));
      if (lease.hasEnded()) {
        member.onLost();
      }
      closed.await(BACKOFF_MILLIS, TimeUnit.MILLISECONDS);
      consumer.enforceRebalance("after an error");
    }
  }

  /** The coordinator names no reason when it can't write the metadata of the group. */
  private String advice(RuntimeException failure) {
    return String.valueOf(failure.getMessage()).startsWith("Unexpected error from SyncGroup")
        ? ". If the log of the coordinator says RecordTooLargeException or MESSAGE_TOO_LARGE, the"
            + " metadata of the group is too large. "
            + size.advice()
        : "";
  }

  /**
   * Kafka's client sends no heartbeats while it joins, and a join may take until the session of a
   * worker that is dead is over. Who waits for it is not taken for dead meanwhile; so it is enough
   * to know that the group still waits.
   *
   * <p>Not so before the client has begun to join, or if it had no answer for long by then: it may
   * be this worker that the group waits for, until its session is over, since its heartbeats don't
   * get to Kafka on their connection and what this asks does on another.
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
    // In this order: the slowest may then be of a later answer, which does no harm.
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
   * Leaves the group, so that others get this worker's tasks at once: to be called when they have
   * stopped. Blocks for a few seconds at most.
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
   * Reads nothing of the partitions that the group gives this worker. Each worker has one at least:
   * Kafka's client calls this for the partitions before it joins again.
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

    /** The group has forgotten this worker: the member id or the generation was reset. */
    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
      isJoining = true;
      if (closed.getCount() > 0) {
        // Else it leaves the group while others join.
        member.onLost();
      }
    }
  }
}
