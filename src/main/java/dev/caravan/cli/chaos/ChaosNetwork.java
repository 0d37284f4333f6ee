// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import dev.caravan.cli.chaos.audit.ChaosOutage;
import dev.caravan.cli.chaos.audit.ChaosOutage.OutageKind;
import dev.caravan.sandbox.TcpProxy;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The faults of the network between a worker and the servers. Each worker has its own proxies, so a
 * fault affects one worker only. Not thread-safe.
 */
final class ChaosNetwork {
  private static final int SLOW_MAX_MILLIS = 3000;
  private static final int DELAY_MAX_MILLIS = 300;
  private static final int NARROW_MIN_BYTES = 10_000;
  private static final int NARROW_SPREAD_BYTES = 90_000;

  /** Less than the time for which a worker keeps its tasks without a heartbeat. */
  private static final int STALL_MAX_MILLIS = 4000;

  private static final int REQUEST_MAX_BYTES = 20_000;

  /** The longest wait for a request of the chosen size, because none may come. */
  private static final int REQUEST_WAIT_MILLIS = 1000;

  private static final int POLL_MILLIS = 20;

  /** The servers that a worker is cut off from. */
  private enum Side {
    KAFKA,
    COUCHBASE,
    BOTH;

    boolean hasKafka() {
      return this != COUCHBASE;
    }

    String label() {
      return switch (this) {
        case KAFKA -> "Kafka";
        case COUCHBASE -> "Couchbase";
        case BOTH -> "both";
      };
    }
  }

  private final ChaosKafka kafka;
  private final ChaosTarget target;
  private final ChaosWorkers workers;
  private final List<ChaosOutage> outages;

  /**
   * @param outages receives the outages
   */
  ChaosNetwork(
      ChaosKafka kafka, ChaosTarget target, ChaosWorkers workers, List<ChaosOutage> outages) {
    this.kafka = kafka;
    this.target = target;
    this.workers = workers;
    this.outages = outages;
  }

  List<ChaosFault> faults() {
    if (sides().isEmpty()) {
      return List.of();
    }
    return List.of(
        new ChaosFault("network partition", this::partition),
        new ChaosFault("network partition", this::partition),
        new ChaosFault("network slow", this::slow),
        new ChaosFault("network narrow", this::narrow),
        new ChaosFault("network stalled", this::stall),
        new ChaosFault("network reset", this::reset));
  }

  private List<Side> sides() {
    boolean hasKafka = kafka.proxy(0).isPresent();
    boolean hasCouchbase = !target.path(0).proxies().isEmpty();
    List<Side> sides = new ArrayList<>();
    if (hasKafka) {
      // Twice, because only this one can remove a worker from its group.
      sides.add(Side.KAFKA);
      sides.add(Side.KAFKA);
    }
    if (hasCouchbase) {
      sides.add(Side.COUCHBASE);
    }
    if (hasKafka && hasCouchbase) {
      sides.add(Side.BOTH);
    }
    return sides;
  }

  private List<TcpProxy> proxies(int worker, Side side) {
    List<TcpProxy> proxies = new ArrayList<>();
    if (side.hasKafka()) {
      kafka.proxy(worker).ifPresent(proxies::add);
    }
    if (side != Side.KAFKA) {
      proxies.addAll(target.path(worker).proxies());
    }
    return proxies;
  }

  /** Injects a fault into the network of a worker for a time. */
  private String during(
      Random random,
      OutageKind kind,
      int millis,
      String how,
      Consumer<TcpProxy> begin,
      Consumer<TcpProxy> end)
      throws InterruptedException {
    List<Side> sides = sides();
    Side side = sides.get(random.nextInt(sides.size()));
    int worker = workers.any(random);
    List<TcpProxy> proxies = proxies(worker, side);
    ChaosOutage.OutageScope scope = workers.tasksOf(worker);
    long start = System.currentTimeMillis();
    proxies.forEach(begin);
    TimeUnit.MILLISECONDS.sleep(millis);
    proxies.forEach(end);
    if (side.hasKafka()) {
      outages.add(new ChaosOutage(kind, start, System.currentTimeMillis(), scope));
    }
    return workers.label(worker)
        + how
        + " between it and "
        + side.label()
        + " for "
        + millis
        + " ms";
  }

  private String partition(Random random) throws InterruptedException {
    int millis = ChaosWorkers.millis(random, SLOW_MAX_MILLIS);
    return during(
        random, OutageKind.PARTITIONED, millis, "nothing", TcpProxy::partition, TcpProxy::heal);
  }

  private String slow(Random random) throws InterruptedException {
    int delay = 1 + random.nextInt(DELAY_MAX_MILLIS);
    return during(
        random,
        OutageKind.NETWORK,
        random.nextInt(SLOW_MAX_MILLIS),
        "a delay of " + delay + " ms",
        proxy -> proxy.delay(Duration.ofMillis(delay)),
        proxy -> proxy.delay(Duration.ZERO));
  }

  private String narrow(Random random) throws InterruptedException {
    int bytes = NARROW_MIN_BYTES + random.nextInt(NARROW_SPREAD_BYTES);
    return during(
        random,
        OutageKind.NETWORK,
        random.nextInt(SLOW_MAX_MILLIS),
        bytes + " bytes a second",
        proxy -> proxy.narrow(bytes),
        TcpProxy::widen);
  }

  private String stall(Random random) throws InterruptedException {
    return during(
        random,
        OutageKind.NETWORK,
        random.nextInt(STALL_MAX_MILLIS),
        "everything held",
        TcpProxy::stall,
        TcpProxy::resume);
  }

  /** Resets all connections of a worker in the middle of a request. */
  private String reset(Random random) throws IOException, InterruptedException {
    List<Side> sides = sides();
    Side side = sides.get(random.nextInt(sides.size()));
    int worker = workers.any(random);
    List<TcpProxy> proxies = proxies(worker, side);
    ChaosOutage.OutageScope scope = workers.tasksOf(worker);
    int bytes = 1 + random.nextInt(REQUEST_MAX_BYTES);
    long start = System.currentTimeMillis();
    for (TcpProxy proxy : proxies) {
      int before = proxy.cuts();
      proxy.cutRequestAfter(bytes);
      for (int waited = 0;
          proxy.cuts() == before && waited < REQUEST_WAIT_MILLIS;
          waited += POLL_MILLIS) {
        TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
      }
    }
    if (side.hasKafka()) {
      outages.add(new ChaosOutage(OutageKind.NETWORK, start, System.currentTimeMillis(), scope));
    }
    return workers.label(worker)
        + "of its connections to "
        + side.label()
        + " after "
        + bytes
        + " bytes of requests";
  }
}
