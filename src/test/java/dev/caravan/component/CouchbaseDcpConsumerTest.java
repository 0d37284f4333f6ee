// SPDX-License-Identifier: Apache-2.0
package dev.caravan.component;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.caravan.component.delivery.Phase;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.support.AsyncProcessorSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class CouchbaseDcpConsumerTest extends OwnBucket {
  private static final int VBUCKETS = 64;

  private final Received received = new Received();

  @BeforeAll
  static void startNode() throws Exception {
    node = CouchbaseNode.builder().vbuckets(VBUCKETS).start();
  }

  private String uri(String... options) {
    return "couchbase-dcp:"
        + name
        + "?connectionString="
        + node.connectionString()
        + "&retryBackoff=50ms&maxRetryBackoff=200ms"
        + more(options);
  }

  private static String more(String... options) {
    return options.length == 0 ? "" : "&" + String.join("&", options);
  }

  @Test
  void aWrittenDocumentArrivesWithItsHeaders() throws Exception {
    long expiry = System.currentTimeMillis() / 1000 + 3600;
    bucket.defaultCollection().upsert("greeting", "{\"hello\":\"world\"}".getBytes(UTF_8), expiry);

    routes.start(uri(), received);

    CouchbaseDcpMessage message = received.only();
    assertThat(message.getBody(byte[].class)).isEqualTo("{\"hello\":\"world\"}".getBytes(UTF_8));
    int vbucket = bucket.vbucketOf("greeting");
    assertThat(message.getHeaders())
        .containsEntry(CouchbaseDcpConstants.EVENT_TYPE, EventType.MUTATION)
        .containsEntry(CouchbaseDcpConstants.BUCKET, name)
        .containsEntry(CouchbaseDcpConstants.SCOPE, "_default")
        .containsEntry(CouchbaseDcpConstants.COLLECTION, "_default")
        .containsEntry(CouchbaseDcpConstants.DOCUMENT_ID, "greeting")
        .containsEntry(CouchbaseDcpConstants.VBUCKET, vbucket)
        .containsEntry(CouchbaseDcpConstants.VBUUID, bucket.vbuuid(vbucket))
        .containsEntry(CouchbaseDcpConstants.SEQNO, 1L)
        .containsEntry(CouchbaseDcpConstants.REV_SEQNO, 1L)
        .containsEntry(CouchbaseDcpConstants.EXPIRY, expiry)
        .containsEntry(CouchbaseDcpConstants.FLAGS, message.getFlags())
        .containsEntry(CouchbaseDcpConstants.JSON, true)
        .containsEntry(CouchbaseDcpConstants.CAS, message.getCas());
    assertThat(message.getCas()).isNotZero();
    routes.awaitPhase(Phase.STREAMING);
    assertThat(routes.status().openStreams()).isEqualTo(VBUCKETS);
    await().untilAsserted(() -> assertThat(routes.status().documents()).isEqualTo(1));
  }

  @Test
  void deletionsAndExpirationsAreEventsOfTheirOwn() throws Exception {
    routes.start(uri(), received);
    bucket.upsert("deleted", "1");
    bucket.upsert("expired", "2");
    received.awaitCount(2);

    bucket.delete("deleted");
    bucket.defaultCollection().expire("expired");

    received.awaitCount(4);
    Map<String, CouchbaseDcpMessage> last = new HashMap<>();
    received.messages().forEach(message -> last.put(message.getDocumentId(), message));
    assertThat(last.get("deleted").getEventType()).isEqualTo(EventType.DELETION);
    assertThat(last.get("expired").getEventType()).isEqualTo(EventType.EXPIRATION);
    assertThat(last.values()).allSatisfy(message -> assertThat(message.getBody()).isNull());
  }

  @Test
  void aBinaryDocumentArrivesByteForByte() throws Exception {
    byte[] binary = new byte[5000];
    for (int i = 0; i < binary.length; i++) {
      binary[i] = (byte) (i * 31);
    }
    bucket.defaultCollection().upsert("binary", binary, 0);

    routes.start(uri(), received);

    CouchbaseDcpMessage message = received.only();
    assertThat(message.getBody(byte[].class)).isEqualTo(binary);
    assertThat(message.isJson()).isFalse();
  }

  @Test
  void aBacklogArrivesInBatches() throws Exception {
    bucket.load(5_000, 100);

    routes.start(uri("batchSize=500"), received);

    received.awaitCount(5_000);
    assertThat(received.ids()).doesNotHaveDuplicates();
    assertThat(received.batchSizes()).allMatch(size -> size <= 500).anyMatch(size -> size > 1);
  }

  @Test
  void changesOfAVbucketArriveInOrder() throws Exception {
    routes.start(uri("batchSize=20"), received);
    for (int i = 0; i < 2_000; i++) {
      bucket.upsert("doc-" + i % 50, "{\"i\":" + i + "}");
    }

    Map<String, String> lastBodies = new HashMap<>();
    await()
        .atMost(Routes.SOON)
        .untilAsserted(
            () -> {
              received
                  .messages()
                  .forEach(
                      message ->
                          lastBodies.put(message.getDocumentId(), message.getBody(String.class)));
              for (int i = 1_950; i < 2_000; i++) {
                assertThat(lastBodies).containsEntry("doc-" + i % 50, "{\"i\":" + i + "}");
              }
            });
    Map<Integer, Long> seqnos = new HashMap<>();
    for (CouchbaseDcpMessage message : received.messages()) {
      Long before = seqnos.put(message.getVbucket(), message.getSeqno());
      assertThat(message.getSeqno()).isGreaterThan(before == null ? 0 : before);
    }
  }

  @Test
  void severalBucketsShareARoute() throws Exception {
    Bucket other = node.createBucket("other");
    bucket.upsert("a", "1");
    other.upsert("b", "2");

    routes.start(
        uri().replace("couchbase-dcp:" + name, "couchbase-dcp:" + name + ",other"), received);

    received.awaitCount(2);
    assertThat(received.messages())
        .extracting(CouchbaseDcpMessage::getBucket)
        .containsExactlyInAnyOrder(name, "other");
    routes.awaitPhase(Phase.STREAMING);
    assertThat(routes.status().openStreams()).isEqualTo(2 * VBUCKETS);
    node.dropBucket("other");
  }

  @Test
  void sharesDivideTheDocumentsAmongConsumers() throws Exception {
    bucket.load(500, 50);
    List<String> all = new ArrayList<>();
    for (int share = 0; share < 3; share++) {
      Received part = new Received();
      try (Routes one =
          new Routes().start(uri("vbuckets=" + share + "/3", "batchSize=100"), part)) {
        one.awaitPhase(Phase.STREAMING);
        long expected = expectedInShare(share, 3);
        part.awaitCount((int) expected);
      }
      all.addAll(part.ids());
    }
    assertThat(all).hasSize(500).doesNotHaveDuplicates();
  }

  private long expectedInShare(int share, int shares) {
    long documents = 0;
    for (int vbucket = share * VBUCKETS / shares;
        vbucket < (share + 1) * VBUCKETS / shares;
        vbucket++) {
      documents += bucket.highSeqno(vbucket);
    }
    return documents;
  }

  @Test
  void onlySelectedCollectionsAreRead() throws Exception {
    bucket.createScope("shop");
    bucket.createCollection("shop", "orders").upsert("order", "1");
    bucket.createCollection("shop", "carts").upsert("cart", "2");
    bucket.upsert("default", "3");

    routes.start(uri("collections=shop.orders"), received);

    received.awaitCount(1);
    bucket.collection("shop", "carts").upsert("cart", "4");
    bucket.collection("shop", "orders").upsert("order-2", "5");
    received.awaitCount(2);
    assertThat(received.ids()).containsExactly("order", "order-2");
    assertThat(received.messages())
        .extracting(CouchbaseDcpMessage::getCollection)
        .containsOnly("orders");
  }

  @Test
  void aMissingCollectionIsNamedAndReadOnceItExists() throws Exception {
    bucket.upsert("default", "1");
    routes.start(uri("collections=shop.orders"), received);
    routes.awaitTrouble(Phase.CONNECTING, "shop.orders", name);

    bucket.createScope("shop");
    bucket.createCollection("shop", "orders").upsert("order", "2");

    routes.awaitPhase(Phase.STREAMING);
    received.awaitCount(1);
    assertThat(received.ids()).containsExactly("order");
  }

  @Test
  void extendedAttributesComeWhenAskedFor() throws Exception {
    bucket.defaultCollection().upsertWithXattrs("doc", "{\"a\":1}", "meta", "{\"b\":2}");

    routes.start(uri("xattrs=true"), received);

    CouchbaseDcpMessage message = received.only();
    assertThat(message.getXattrs()).containsExactly(Map.entry("meta", "{\"b\":2}"));
    assertThat(message.getBody(String.class)).isEqualTo("{\"a\":1}");
  }

  @Test
  void noValueSendsOnlyWhatHappened() throws Exception {
    bucket.upsert("doc", "{\"a\":1}");

    routes.start(uri("noValue=true"), received);

    assertThat(received.only().getDocumentId()).isEqualTo("doc");
    assertThat(received.only().getBody(byte[].class)).isEmpty();
  }

  @Test
  void fromNowLeavesOutWhatWasThere() throws Exception {
    bucket.load(100, 50);

    routes.start(uri("streamFrom=saved-or-now"), received);
    routes.awaitPhase(Phase.STREAMING);
    bucket.upsert("new", "1");

    assertThat(received.only().getDocumentId()).isEqualTo("new");
  }

  @Test
  void couchbaseSendsNoMoreThanTheWindowWhileExchangesAreNotDone() throws Exception {
    bucket.load(2_000, 1_000);
    Holding holding = new Holding();

    routes.start(uri("flowControlBufferSize=65536"), holding);

    await().atMost(Routes.SOON).until(() -> holding.held() >= 50);
    await().during(Duration.ofMillis(500)).atMost(Routes.SOON).until(() -> holding.held() < 100);
    int heldBefore = holding.held();
    holding.letGo();
    await().atMost(Routes.SOON).until(() -> holding.arrived() == 2_000);
    assertThat(heldBefore).isLessThan(100);
  }

  @Test
  void connectionsThatBreakAgainAndAgainDontMakeDocumentsPileUp() throws Exception {
    bucket.load(2_000, 1_000);
    Holding holding = new Holding();
    routes.start(uri("flowControlBufferSize=65536"), holding);
    await().atMost(Routes.SOON).until(() -> holding.arrived() >= 50);

    for (int i = 0; i < 6; i++) {
      node.disconnectAll();
      await().during(Duration.ofMillis(300)).until(() -> holding.arrived() < 160);
    }
    holding.letGo();

    await().atMost(Routes.SOON).until(() -> holding.arrived() >= 2_000);
    await().during(Duration.ofMillis(200)).until(() -> holding.arrived() == 2_000);
  }

  @Test
  void aFailedExchangeStopsTheConsumerIfAskedToAndNothingIsLost() throws Exception {
    bucket.upsert("good", "1");
    bucket.upsert("bad", "2");
    AtomicBoolean broken = new AtomicBoolean(true);
    routes.start(
        uri("onDeliveryFailure=stop"),
        exchange -> {
          if (broken.get()
              && exchange.getIn(CouchbaseDcpMessage.class).getDocumentId().equals("bad")) {
            throw new IllegalStateException("Kafka says no");
          }
          received.process(exchange);
        });

    routes.awaitTrouble(
        Phase.FAILED,
        "'bad'",
        "vBucket " + bucket.vbucketOf("bad"),
        "seqno " + bucket.highSeqno(bucket.vbucketOf("bad")),
        "Kafka says no");

    broken.set(false);
    routes.context().getRouteController().stopRoute("route");
    assertThat(routes.status().phase()).isEqualTo(Phase.STOPPED);
    routes.context().getRouteController().startRoute("route");
    routes.awaitPhase(Phase.STREAMING);
    await()
        .atMost(Routes.SOON)
        .untilAsserted(() -> assertThat(received.ids()).contains("good", "bad"));
    assertThat(received.ids()).filteredOn("bad"::equals).hasSize(1);
  }

  @Test
  void aRouteThatIsStoppedAndStartedGoesOnWhereItWas() throws Exception {
    bucket.load(300, 50);
    routes.start(uri("batchSize=50"), received);
    received.awaitCount(300);

    routes.context().getRouteController().stopRoute("route");
    bucket.upsert("while-stopped", "1");
    routes.context().getRouteController().startRoute("route");

    received.awaitCount(301);
    assertThat(received.ids()).doesNotHaveDuplicates().contains("while-stopped");
  }

  @Test
  void aSuspendedRouteWaitsAndGoesOn() throws Exception {
    routes.start(uri(), received);
    routes.awaitPhase(Phase.STREAMING);
    routes.context().getRouteController().suspendRoute("route");
    bucket.upsert("doc", "1");
    await().during(Duration.ofMillis(300)).until(() -> received.messages().isEmpty());

    routes.context().getRouteController().resumeRoute("route");

    received.awaitCount(1);
  }

  @Test
  void aLostConnectionIsMadeAgainWithoutLossOrRepetition() throws Exception {
    routes.start(uri(), received);
    bucket.upsert("before", "1");
    received.awaitCount(1);

    node.disconnectAll();
    bucket.upsert("after", "2");

    received.awaitCount(2);
    assertThat(received.ids()).containsExactly("before", "after");
    routes.awaitPhase(Phase.STREAMING);
  }

  @Test
  void aBucketThatIsDroppedIsNamedAndReadAgainOnceItExists() throws Exception {
    routes.start(uri("username=Administrator", "password=password"), received);
    bucket.upsert("before", "1");
    received.awaitCount(1);
    routes.awaitPhase(Phase.STREAMING);

    node.dropBucket(name);
    routes.awaitTrouble(Phase.CONNECTING, "'" + name + "'", "doesn't exist");
    bucket = node.createBucket(name);
    bucket.upsert("after", "2");

    received.awaitCount(2);
    assertThat(received.ids()).containsExactly("before", "after");
    routes.awaitPhase(Phase.STREAMING);
  }

  @Test
  void aHistoryThatCouchbaseLostIsRolledBack() throws Exception {
    bucket.upsert("doc", "1");
    routes.start(uri("username=Administrator", "password=password"), received);
    received.awaitCount(1);
    routes.context().getRouteController().stopRoute("route");
    node.dropBucket(name);
    bucket = node.createBucket(name);
    bucket.upsert("doc", "2");

    routes.context().getRouteController().startRoute("route");

    received.awaitCount(2);
    assertThat(received.messages().get(1).getBody(String.class)).isEqualTo("2");
    assertThat(routes.status().rollbacks()).isPositive();
  }

  @Test
  void stoppingInterruptsAWaitInTheRouteAndReadsTheDocumentAgain() throws Exception {
    bucket.upsert("doc", "1");
    CountDownLatch entered = new CountDownLatch(1);
    AtomicBoolean wait = new AtomicBoolean(true);
    routes.start(
        uri(),
        exchange -> {
          if (wait.get()) {
            entered.countDown();
            new CountDownLatch(1).await();
          }
          received.process(exchange);
        });
    assertThat(entered.await(20, TimeUnit.SECONDS)).isTrue();

    wait.set(false);
    long begin = System.nanoTime();
    routes.consumer().stop();

    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(3));
    assertThat(received.messages()).isEmpty();
    routes.consumer().start();
    received.awaitCount(1);
  }

  @Test
  void stoppingLeavesNoThreadBehind() throws Exception {
    routes.start(uri(), received);
    routes.awaitPhase(Phase.STREAMING);
    assertThat(threads()).isNotEmpty();

    routes.close();

    await().atMost(Routes.SOON).untilAsserted(() -> assertThat(threads()).isEmpty());
  }

  private static List<String> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(thread -> thread.contains("CouchbaseDcp") || thread.contains("couchbase-dcp"))
        .toList();
  }

  /** Takes exchanges and doesn't finish them until told to. */
  private static final class Holding extends AsyncProcessorSupport {
    private final List<AsyncCallback> callbacks = new CopyOnWriteArrayList<>();
    private int arrived;
    private boolean letGo;

    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
      synchronized (this) {
        arrived++;
        if (!letGo) {
          callbacks.add(callback);
          return false;
        }
      }
      callback.done(true);
      return true;
    }

    synchronized int held() {
      return callbacks.size();
    }

    synchronized int arrived() {
      return arrived;
    }

    void letGo() {
      List<AsyncCallback> toFinish;
      synchronized (this) {
        letGo = true;
        toFinish = List.copyOf(callbacks);
        callbacks.clear();
      }
      toFinish.forEach(callback -> callback.done(false));
    }
  }
}
