// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import dev.caravan.cli.chaos.audit.ChaosOutage;
import dev.caravan.cli.chaos.audit.ChaosOutage.Kind;
import dev.caravan.cli.process.TopicCreator;

import dev.caravan.sandbox.kafka.KafkaBroker;
import dev.caravan.sandbox.TcpProxy;
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
 * The Kafka that the chaos runs on: a broker of its own, to which each worker has a proxy of its
 * own, or one that somebody else runs. For one thread.
 */
final class ChaosKafka implements AutoCloseable {
  private static final int DOWN_MAX_MILLIS = 3000;
  private static final int PARTITIONS = 4;
  private static final int TIMEOUT_SECONDS = 30;

  /** So long, no record of an offsets topic is compacted away. */
  private static final String COMPACTION_LAG_MILLIS = "86400000";

  private final String brokers;
  private final @Nullable KafkaBroker broker;
  private final List<TcpProxy> proxies;

  private ChaosKafka(String brokers, @Nullable KafkaBroker broker, List<TcpProxy> proxies) {
    this.brokers = brokers;
    this.broker = broker;
    this.proxies = proxies;
  }

  /** Starts a broker, and a proxy before it for each worker. */
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

  /** Takes the brokers that there are. */
  static ChaosKafka at(String brokers) {
    return new ChaosKafka(brokers, null, List.of());
  }

  /** For clients that nothing happens to but what happens to the broker. */
  String brokers() {
    return brokers;
  }

  /** For the worker of this number. */
  String brokersFor(int worker) {
    return proxies.isEmpty() ? brokers : proxies.get(worker).address();
  }

  /** What the connections of the worker of this number go through, if anything. */
  Optional<TcpProxy> proxy(int worker) {
    return proxies.isEmpty() ? Optional.empty() : Optional.of(proxies.get(worker));
  }

  /** Makes topics for records, and one for offsets that keeps every commit. */
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
                    // When it was committed, not when a worker that was cut off had wanted it to
                    // be.
                    "message.timestamp.type",
                    "LogAppendTime")));
    TopicCreator.create(brokers, all);
  }

  /** Deletes the topics whose names begin so, if the brokers stay. */
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
   * What can go wrong with the broker.
   *
   * @param outages takes what went wrong
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
        new ChaosOutage(Kind.BROKER, start, System.currentTimeMillis(), ChaosOutage.EVERYTHING));
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
