// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.delivery.ConsumerStatus;
import dev.caravan.component.delivery.Phase;
import dev.caravan.offset.SharedOffsetStore;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.support.AsyncProcessorSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of changes whose exchanges fail, are interrupted, or never come back. */
class DeliveryFailureTest extends OwnBucket {
  private final Received received = new Received();
  private final OpenTransactions transactions = new OpenTransactions(Duration.ofMillis(50));

  @BeforeAll
  static void startNode() throws Exception {
    node = CouchbaseNode.builder().vbuckets(4).start();
  }

  @BeforeEach
  void bindTransactions() {
    SharedOffsetStore store = owner -> transactions;
    routes.bind("transactions", store);
  }

  private String uri(String... options) {
    return "couchbase-dcp:"
        + name
        + "?connectionString="
        + node.connectionString()
        + "&persistencePollingInterval=0&retryBackoff=20ms&maxRetryBackoff=100ms"
        + String.join("", List.of(options).stream().map(option -> "&" + option).toList());
  }

  private static List<String> ids(Exchange exchange) {
    Object body = exchange.getIn().getBody();
    if (body instanceof List<?> batch) {
      return batch.stream().map(item -> ((CouchbaseDcpMessage) item).getDocumentId()).toList();
    }
    return List.of(exchange.getIn(CouchbaseDcpMessage.class).getDocumentId());
  }

  private void write(int from, int to) {
    for (int i = from; i < to; i++) {
      bucket.upsert("doc-" + i, Integer.toString(i));
    }
  }

  private static List<String> documents(int from, int to) {
    List<String> result = new ArrayList<>();
    for (int i = from; i < to; i++) {
      result.add("doc-" + i);
    }
    return result;
  }

  @Test
  void aFailedExchangeIsTriedAgainUntilItSucceeds() throws Exception {
    AtomicInteger failures = new AtomicInteger(4);
    write(0, 20);
    routes.start(
        uri(),
        exchange -> {
          if (ids(exchange).contains("doc-7") && failures.getAndDecrement() > 0) {
            throw new IllegalStateException("Kafka says no");
          }
          received.process(exchange);
        });

    await()
        .atMost(Routes.SOON)
        .untilAsserted(() -> assertThat(received.ids()).containsAll(documents(0, 20)));
    assertThat(received.ids()).filteredOn("doc-7"::equals).hasSize(1);
    routes.awaitPhase(Phase.STREAMING);
  }

  @Test
  void whileItFailsTheConsumerIsNotReadyButAliveAndSaysWhatFailed() throws Exception {
    AtomicBoolean broken = new AtomicBoolean(true);
    AtomicInteger attempts = new AtomicInteger();
    bucket.upsert("bad", "1");
    routes.start(
        uri(),
        exchange -> {
          if (broken.get()) {
            attempts.incrementAndGet();
            throw new IllegalStateException("Kafka says no");
          }
          received.process(exchange);
        });
    await().atMost(Routes.SOON).until(() -> attempts.get() >= 3);

    await()
        .during(Duration.ofMillis(300))
        .atMost(Routes.SOON)
        .untilAsserted(
            () -> {
              ConsumerStatus status = routes.status();
              assertThat(status.phase()).isIn(Phase.CONNECTING, Phase.DEGRADED);
              assertThat(status.error()).hasMessageContainingAll("'bad'", "Kafka says no");
              assertThat(health(HealthCheck.Kind.READINESS)).isEqualTo(HealthCheck.State.DOWN);
              assertThat(health(HealthCheck.Kind.LIVENESS)).isEqualTo(HealthCheck.State.UP);
            });

    broken.set(false);
    received.awaitCount(1);
    routes.awaitPhase(Phase.STREAMING);
    assertThat(health(HealthCheck.Kind.READINESS)).isEqualTo(HealthCheck.State.UP);
  }

  @Test
  void aConsumerThatHasStoppedForGoodIsNotAlive() throws Exception {
    bucket.upsert("bad", "1");
    routes.start(
        uri("onDeliveryFailure=stop"),
        exchange -> {
          throw new IllegalStateException("Kafka says no");
        });
    routes.awaitTrouble(Phase.FAILED, "'bad'", "Kafka says no");
    assertThat(health(HealthCheck.Kind.READINESS)).isEqualTo(HealthCheck.State.DOWN);
    assertThat(health(HealthCheck.Kind.LIVENESS)).isEqualTo(HealthCheck.State.DOWN);
  }

  private HealthCheck.State health(HealthCheck.Kind kind) {
    CouchbaseDcpHealthCheck check =
        new CouchbaseDcpHealthCheck("route", "travel", () -> routes.status());
    check.setCamelContext(routes.context());
    return check.call(Map.of(HealthCheck.CHECK_KIND, kind)).getState();
  }

  @Test
  void anErrorThatTheRouteThrowsIsAFailedExchange() throws Exception {
    AtomicBoolean broken = new AtomicBoolean(true);
    bucket.upsert("doc", "1");
    routes.start(
        uri(),
        new AsyncProcessorSupport() {
          @Override
          public boolean process(Exchange exchange, AsyncCallback callback) {
            if (broken.getAndSet(false)) {
              throw new AssertionError("a bug in the route");
            }
            received.process(exchange);
            callback.done(true);
            return true;
          }
        });
    received.awaitCount(1);
    await().untilAsserted(() -> assertThat(routes.status().inFlight()).isZero());
  }

  /** What was read before and comes late must not be published after what is newer. */
  @Test
  void nothingIsReadAgainWhileAnExchangeOfBeforeIsInTheRoute() throws Exception {
    Holding holding = new Holding("held");
    bucket.upsert("held", "1");
    routes.start(uri("drainTimeout=100ms"), holding);
    await().atMost(Routes.SOON).until(() -> holding.held() == 1);
    bucket.upsert("bad", "2");

    routes.awaitTrouble(Phase.CONNECTING, "'bad'");
    await()
        .during(Duration.ofMillis(800))
        .atMost(Routes.SOON)
        .until(() -> holding.arrived().stream().filter("held"::equals).count() == 1);
    assertThat(routes.status().inFlight()).isOne();

    holding.letGo();
    await()
        .atMost(Routes.SOON)
        .untilAsserted(() -> assertThat(holding.done()).contains("held", "bad"));
  }

  @Test
  void aRouteThatIsStartedAgainWaitsForItsExchangesOfBefore() throws Exception {
    Holding holding = new Holding("held");
    bucket.upsert("held", "1");
    routes.start(uri("drainTimeout=100ms"), holding);
    await().atMost(Routes.SOON).until(() -> holding.held() == 1);

    routes.consumer().stop();
    routes.consumer().start();

    routes.awaitTrouble(Phase.CONNECTING, "Waiting for 1 earlier exchanges");
    assertThat(holding.arrived()).containsExactly("held");
    holding.letGo();
    await().atMost(Routes.SOON).until(() -> holding.arrived().size() == 2);
    routes.awaitPhase(Phase.STREAMING);
  }

  @Test
  void aStopDoesNotInterruptAnExchangeThatComesThroughSoon() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    bucket.upsert("doc", "1");
    routes.start(
        uri("offsetStore=#transactions"),
        exchange -> {
          entered.countDown();
          // Half a second, as in a throttle; an interrupt would end it with an exception.
          assertThat(new CountDownLatch(1).await(500, TimeUnit.MILLISECONDS)).isFalse();
          ids(exchange).forEach(transactions::send);
        });
    assertThat(entered.await(20, TimeUnit.SECONDS)).isTrue();

    routes.consumer().stop();

    assertThat(transactions.records()).containsExactly("doc");
    assertThat(transactions.aborted()).isZero();
  }

  /** Consumers that hang are closed one after the other, and must not each wait for that long. */
  @Test
  void theDrainTimeoutCountsFromTheStop() throws Exception {
    CountDownLatch entered = new CountDownLatch(1);
    CountDownLatch letGo = new CountDownLatch(1);
    bucket.upsert("doc", "1");
    routes.start(
        uri("drainTimeout=3s"),
        exchange -> {
          entered.countDown();
          awaitWhateverHappens(letGo);
        });
    try {
      assertThat(entered.await(20, TimeUnit.SECONDS)).isTrue();
      routes.consumer().drain();
      routes.consumer().awaitDrained();

      long begin = System.nanoTime();
      routes.consumer().awaitDrained();

      assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(2));
    } finally {
      letGo.countDown();
    }
  }

  private static void awaitWhateverHappens(CountDownLatch latch) {
    while (latch.getCount() > 0) {
      try {
        latch.await();
      } catch (InterruptedException e) {
        // A route that hangs.
      }
    }
  }

  /** As a producer's send is interrupted that waits for room in its buffer, in mid-batch. */
  @Test
  void aTransactionIsDiscardedWhenStoppingInterruptsAnExchange() throws Exception {
    write(0, 100);
    AtomicBoolean isFull = new AtomicBoolean(true);
    CountDownLatch entered = new CountDownLatch(1);
    Processor sender =
        exchange -> {
          for (String id : ids(exchange)) {
            transactions.send(id);
            if (isFull.get()) {
              entered.countDown();
              new CountDownLatch(1).await();
            }
          }
        };
    routes.start(uri("offsetStore=#transactions", "batchSize=10"), sender);
    assertThat(entered.await(20, TimeUnit.SECONDS)).isTrue();

    routes.consumer().stop();
    assertThat(transactions.aborted()).isOne();
    isFull.set(false);
    routes.consumer().start();

    await()
        .atMost(Routes.SOON)
        .untilAsserted(() -> assertThat(transactions.records()).containsAll(documents(0, 100)));
    assertThat(transactions.records()).hasSize(100);
  }

  @Test
  void aTransactionIsDiscardedWhenOffsetsCannotBeSaved() throws Exception {
    routes.start(
        uri("offsetStore=#transactions", "batchSize=10"),
        exchange -> ids(exchange).forEach(transactions::send));
    routes.awaitPhase(Phase.STREAMING);
    transactions.refuseSaves(1);
    write(0, 50);

    await()
        .atMost(Routes.SOON)
        .untilAsserted(() -> assertThat(transactions.records()).containsAll(documents(0, 50)));
    assertThat(transactions.records()).hasSize(50);
    assertThat(transactions.aborted()).isOne();
  }

  /** It would be in the transaction of the next loop, without its offset. */
  @Test
  void anExchangeThatOutlivesItsTransactionSendsNothingInTheNext() throws Exception {
    Holding holding = new Holding("doc-0");
    holding.atEnd = transactions::send;
    write(0, 1);
    routes.start(uri("offsetStore=#transactions", "drainTimeout=100ms"), holding);
    await().atMost(Routes.SOON).until(() -> holding.held() == 1);
    routes.consumer().stop();
    routes.consumer().start();
    routes.awaitTrouble(Phase.CONNECTING, "Waiting for 1 earlier exchanges");

    holding.letGo();

    await()
        .atMost(Routes.SOON)
        .untilAsserted(() -> assertThat(transactions.records()).containsExactly("doc-0"));
    write(1, 2);
    await()
        .atMost(Routes.SOON)
        .untilAsserted(() -> assertThat(transactions.records()).containsExactly("doc-0", "doc-1"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"now", "saved-or-now"})
  void nowIsWhereTheConsumerStartedNotWhereItIsRetried(String from) throws Exception {
    AtomicBoolean broken = new AtomicBoolean();
    write(0, 20);
    routes.start(
        uri("streamFrom=" + from, "offsetStore=#transactions", "batchSize=10"),
        exchange -> {
          ids(exchange).forEach(transactions::send);
          if (broken.get()) {
            throw new IllegalStateException("Kafka says no");
          }
        });
    routes.awaitPhase(Phase.STREAMING);
    assertThat(transactions.commits()).as("the start is committed").isPositive();
    broken.set(true);
    write(20, 40);
    await().atMost(Routes.SOON).until(() -> transactions.aborted() >= 2);
    broken.set(false);

    await()
        .atMost(Routes.SOON)
        .untilAsserted(() -> assertThat(transactions.records()).containsAll(documents(20, 40)));
    assertThat(transactions.records()).hasSize(20);
  }

  @ParameterizedTest
  @ValueSource(strings = {"noValue=false", "offsetStore=#transactions"})
  void theBeginningIsReadOnceEvenThoughThereWereOffsets(String store) throws Exception {
    AtomicBoolean broken = new AtomicBoolean();
    write(0, 20);
    List<String> records = new CopyOnWriteArrayList<>();
    routes.start(
        uri("streamFrom=beginning", store),
        exchange -> {
          if (broken.get()) {
            throw new IllegalStateException("Kafka says no");
          }
          if (store.contains("transactions")) {
            ids(exchange).forEach(transactions::send);
          }
          records.addAll(ids(exchange));
        });
    await().atMost(Routes.SOON).until(() -> delivered(store, records).size() == 20);

    routes.consumer().stop();
    routes.consumer().start();
    await().atMost(Routes.SOON).until(() -> delivered(store, records).size() == 40);
    broken.set(true);
    write(20, 21);
    routes.awaitTrouble(Phase.CONNECTING, "'doc-20'");
    broken.set(false);

    await().atMost(Routes.SOON).until(() -> delivered(store, records).contains("doc-20"));
    assertThat(delivered(store, records)).hasSize(41);
  }

  private List<String> delivered(String store, List<String> records) {
    return !store.contains("transactions") ? records : transactions.records();
  }

  /** Holds exchanges of one document until told to let go; fails those of "bad" until then. */
  private static final class Holding extends AsyncProcessorSupport {
    private final String document;
    private final List<Runnable> held = new ArrayList<>();
    private final List<String> arrived = new ArrayList<>();
    private final List<String> done = new ArrayList<>();
    private volatile Consumer<String> atEnd = id -> {};
    private boolean letGo;

    Holding(String document) {
      this.document = document;
    }

    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
      String id = ids(exchange).get(0);
      Runnable end =
          () -> {
            try {
              atEnd.accept(id);
              synchronized (this) {
                done.add(id);
              }
            } catch (RuntimeException e) {
              exchange.setException(e);
            }
          };
      synchronized (this) {
        arrived.add(id);
        if (id.equals(document) && !letGo) {
          held.add(
              () -> {
                end.run();
                callback.done(false);
              });
          return false;
        }
      }
      if (id.equals("bad") && !isLetGo()) {
        exchange.setException(new IllegalStateException("Kafka says no"));
      } else {
        end.run();
      }
      callback.done(true);
      return true;
    }

    private synchronized boolean isLetGo() {
      return letGo;
    }

    void letGo() {
      List<Runnable> toEnd;
      synchronized (this) {
        letGo = true;
        toEnd = List.copyOf(held);
        held.clear();
      }
      toEnd.forEach(Runnable::run);
    }

    synchronized int held() {
      return held.size();
    }

    synchronized List<String> arrived() {
      return List.copyOf(arrived);
    }

    synchronized List<String> done() {
      return List.copyOf(done);
    }
  }
}
