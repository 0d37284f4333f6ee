// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import dev.caravan.cli.chaos.audit.ChaosOutage;
import dev.caravan.cli.chaos.audit.ChaosOutage.OutageKind;
import dev.caravan.cli.process.TopicCreator;
import dev.caravan.sandbox.TcpProxy;
import dev.caravan.sandbox.kafka.KafkaBroker;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.jspecify.annotations.Nullable;

/**
 * The Kafka cluster of a run: an embedded broker with a proxy for each worker, or a given cluster
 * without proxies. Not thread-safe.
 */
final class ChaosKafka implements AutoCloseable {
  private static final int DOWN_MAX_MILLIS = 3000;
  private static final int PARTITIONS = 4;
  private static final int TIMEOUT_SECONDS = 30;

  /** One day, so that no record of the offsets topic is compacted during a run. */
  private static final String COMPACTION_LAG_MILLIS = "86400000";

  private final String brokers;
  private final @Nullable KafkaBroker broker;
  private final List<TcpProxy> proxies;

  private ChaosKafka(String brokers, @Nullable KafkaBroker broker, List<TcpProxy> proxies) {
    this.brokers = brokers;
    this.broker = broker;
    this.proxies = proxies;
  }

  /** Starts a broker and a proxy for each worker. */
  static ChaosKafka start(int workers) throws IOException {
    List<TcpProxy> proxies = new ArrayList<>();
    try {
      for (int worker = 0; worker < workers; worker++) {
        proxies.add(new TcpProxy());
      }
      KafkaBroker broker =
          KafkaBroker.startBehind(proxies.stream().map(TcpProxy::address).toList());
      for (int worker = 0; worker < workers; worker++) {
        proxies.get(worker).open("127.0.0.1", broker.portBehind(worker));
      }
      return new ChaosKafka(broker.bootstrapServers(), broker, List.copyOf(proxies));
    } catch (IOException e) {
      proxies.forEach(TcpProxy::close);
      throw e;
    }
  }

  /** Uses a given cluster. */
  static ChaosKafka at(String brokers) {
    return new ChaosKafka(brokers, null, List.of());
  }

  /** The address for clients without a proxy. */
  String brokers() {
    return brokers;
  }

  /** The address for a worker. */
  String brokersFor(int worker) {
    return proxies.isEmpty() ? brokers : proxies.get(worker).address();
  }

  /** The proxy of a worker; empty for a given cluster. */
  Optional<TcpProxy> proxy(int worker) {
    return proxies.isEmpty() ? Optional.empty() : Optional.of(proxies.get(worker));
  }

  /** Creates the topics for records, and an offsets topic that keeps each commit. */
  void createTopics(List<String> topics, String offsets) throws Exception {
    List<NewTopic> all = new ArrayList<>();
    for (String topic : topics) {
      all.add(new NewTopic(topic, Optional.of(PARTITIONS), Optional.empty()));
    }
    all.add(
        new NewTopic(offsets, Optional.of(PARTITIONS), Optional.empty())
            .configs(
                Map.of(
                    "cleanup.policy",
                    "compact",
                    "min.compaction.lag.ms",
                    COMPACTION_LAG_MILLIS,
                    // The time of the commit, not the time at which a partitioned worker sent it.
                    "message.timestamp.type",
                    "LogAppendTime")));
    TopicCreator.create(brokers, all);
  }

  /** Deletes the topics with this prefix from a given cluster. */
  void deleteTopics(String prefix)
      throws InterruptedException, ExecutionException, TimeoutException {
    if (broker == null) {
      try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
        Set<String> names = admin.listTopics().names().get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        List<String> own = names.stream().filter(name -> name.startsWith(prefix)).toList();
        admin.deleteTopics(own).all().get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
      }
    }
  }

  /**
   * The faults of the broker; none for a given cluster.
   *
   * @param outages receives the outages
   */
  List<ChaosFault> faults(List<ChaosOutage> outages) {
    KafkaBroker own = broker;
    return own == null
        ? List.of()
        : List.of(new ChaosFault("Kafka down", random -> down(own, random, outages)));
  }

  private static String down(KafkaBroker broker, Random random, List<ChaosOutage> outages)
      throws IOException, InterruptedException {
    int millis = ChaosWorkers.millis(random, DOWN_MAX_MILLIS);
    long start = System.currentTimeMillis();
    broker.stop();
    TimeUnit.MILLISECONDS.sleep(millis);
    broker.restart();
    outages.add(
        new ChaosOutage(
            OutageKind.BROKER, start, System.currentTimeMillis(), ChaosOutage.EVERYTHING));
    return "for " + millis + " ms";
  }

  @Override
  public void close() {
    proxies.forEach(TcpProxy::close);
    if (broker != null) {
      broker.close();
    }
  }
}
