// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.StreamFrom;
import com.couchbase.client.dcp.StreamTo;
import com.couchbase.client.java.Cluster;
import com.couchbase.client.java.Collection;
import com.couchbase.client.java.json.JsonObject;
import com.couchbase.client.java.kv.GetOptions;
import com.couchbase.client.java.kv.IncrementOptions;
import com.couchbase.client.java.kv.LookupInResult;
import com.couchbase.client.java.kv.LookupInSpec;
import com.couchbase.client.java.kv.MutateInSpec;
import dev.caravan.sandbox.Changes;
import dev.caravan.sandbox.DcpClients;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The Java SDK, camel-couchbase and the DCP client, all unmodified, use one node side by side.
 *
 * <p>camel-couchbase has no option for the port, so the node listens on Couchbase's own port, on an
 * address that no other test uses.
 */
class OfficialClientsTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(20);
  private static final int DEFAULT_KV_PORT = 11210;
  private static final String ID = "CCB_ID";

  private static CouchbaseNode node;
  private static Bucket bucket;
  private static Cluster cluster;
  private static Collection collection;
  private static CamelContext camel;
  private static ProducerTemplate producer;
  private static Client dcp;
  private static Changes changes;

  @BeforeAll
  static void start() throws Exception {
    node = onTheDefaultPort();
    bucket = node.bucket("travel");
    cluster =
        Cluster.connect(
            "couchbase://" + node.host(),
            CouchbaseNode.ADMINISTRATOR,
            CouchbaseNode.ADMINISTRATOR_PASSWORD);
    cluster.bucket("travel").waitUntilReady(TIMEOUT);
    collection = cluster.bucket("travel").defaultCollection();
    camel = new DefaultCamelContext();
    camel.start();
    producer = camel.createProducerTemplate();
    dcp =
        Client.builder()
            .connectionString("couchbase://" + node.host())
            .bucket("travel")
            .credentials(CouchbaseNode.ADMINISTRATOR, CouchbaseNode.ADMINISTRATOR_PASSWORD)
            .collectionsAware(true)
            .xattrs(true)
            .flowControl(64 * 1024)
            .bootstrapTimeout(TIMEOUT)
            .build();
    changes = new Changes(dcp);
    dcp.connect().block(TIMEOUT);
    dcp.initializeState(StreamFrom.BEGINNING, StreamTo.INFINITY).block(TIMEOUT);
    dcp.startStreaming().block(TIMEOUT);
  }

  private static CouchbaseNode onTheDefaultPort() throws IOException {
    IOException taken = null;
    for (int last = 5; last < 25; last++) {
      try {
        return CouchbaseNode.builder()
            .host("127.0.0." + last)
            .port(DEFAULT_KV_PORT)
            .bucket("travel")
            .start();
      } catch (IOException e) {
        taken = e;
      }
    }
    throw taken;
  }

  @AfterAll
  static void stop() {
    camel.stop();
    cluster.disconnect();
    DcpClients.end(dcp);
    node.close();
  }

  private static void awaitStreamed(String id, String value) {
    await()
        .atMost(TIMEOUT)
        .until(() -> value.equals(changes.documents().get("_default._default." + id)));
  }

  /** The pause is that of a first request that finds its bucket not open yet. */
  private static String camelUri(String operation) {
    return "couchbase:http://%s?bucket=travel&username=%s&password=%s&producerRetryPause=50&operation=%s"
        .formatted(
            node.host(),
            CouchbaseNode.ADMINISTRATOR,
            CouchbaseNode.ADMINISTRATOR_PASSWORD,
            operation);
  }

  @Test
  void whatOneClientWritesTheOthersSee() {
    collection.upsert("sdk", JsonObject.create().put("by", "sdk"));
    awaitStreamed("sdk", "{\"by\":\"sdk\"}");
    Map<String, Object> headers = Map.of(ID, "camel");
    producer.sendBodyAndHeaders(camelUri("CCB_PUT"), Map.of("by", "camel"), headers);
    awaitStreamed("camel", "{\"by\":\"camel\"}");
    assertThat(collection.get("camel").contentAsObject().getString("by")).isEqualTo("camel");
    assertThat(producer.requestBodyAndHeaders(camelUri("CCB_GET"), null, Map.of(ID, "sdk")))
        .asString()
        .contains("{\"by\":\"sdk\"}");
    producer.sendBodyAndHeaders(camelUri("CCB_DEL"), null, headers);
    await().atMost(TIMEOUT).until(() -> changes.deleted().contains("_default._default.camel"));
    assertThat(collection.exists("camel").exists()).isFalse();
    assertThat(changes.disorders()).isEmpty();
  }

  @Test
  void countersTouchesAndAppendedBytesAreStreamed() {
    assertThat(collection.binary().increment("counter", with(10)).content()).isEqualTo(10);
    assertThat(collection.binary().increment("counter", with(10)).content()).isEqualTo(11);
    awaitStreamed("counter", "11");
    collection.upsert("touched", JsonObject.create());
    collection.touch("touched", Duration.ofHours(1));
    assertThat(
            collection
                .get("touched", GetOptions.getOptions().withExpiry(true))
                .expiryTime()
                .orElseThrow())
        .isAfter(Instant.now());
    assertThat(collection.getAndTouch("touched", Duration.ofHours(2)).contentAsObject().isEmpty())
        .isTrue();
    collection.binary().append("counter", new byte[] {'0'});
    awaitStreamed("counter", "110");
  }

  private static IncrementOptions with(long initial) {
    return IncrementOptions.incrementOptions().initial(initial);
  }

  @Test
  void partsAndExtendedAttributesAreWrittenAndRead() {
    collection.upsert("parts", JsonObject.create().put("n", 1));
    collection.mutateIn(
        "parts",
        List.of(
            MutateInSpec.upsert("_sync.rev", "1-a").xattr().createPath(),
            MutateInSpec.upsert("deep.er", true).createPath(),
            MutateInSpec.arrayAppend("list", List.of(1, 2)).createPath(),
            MutateInSpec.increment("n", 4)));
    LookupInResult read =
        collection.lookupIn(
            "parts",
            List.of(
                LookupInSpec.get("_sync").xattr(),
                LookupInSpec.get("n"),
                LookupInSpec.exists("nothing"),
                LookupInSpec.count("list")));
    assertThat(read.contentAsObject(0).getString("rev")).isEqualTo("1-a");
    assertThat(read.contentAs(1, Integer.class)).isEqualTo(5);
    assertThat(read.exists(2)).isFalse();
    assertThat(read.contentAs(3, Integer.class)).isEqualTo(2);
    awaitStreamed("parts", "{\"n\":5,\"deep\":{\"er\":true},\"list\":[1,2]}");
    assertThat(bucket.documentCount()).isPositive();
  }
}
