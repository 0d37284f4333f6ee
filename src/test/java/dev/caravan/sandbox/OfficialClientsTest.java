// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.couchbase.client.core.env.SeedNode;
import com.couchbase.client.dcp.Client;
import com.couchbase.client.dcp.StreamFrom;
import com.couchbase.client.dcp.StreamTo;
import com.couchbase.client.dcp.highlevel.DatabaseChangeListener;
import com.couchbase.client.dcp.highlevel.Deletion;
import com.couchbase.client.dcp.highlevel.FlowControlMode;
import com.couchbase.client.dcp.highlevel.Mutation;
import com.couchbase.client.dcp.highlevel.StreamFailure;
import com.couchbase.client.java.Cluster;
import com.couchbase.client.java.ClusterOptions;
import com.couchbase.client.java.Collection;
import com.couchbase.client.java.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The official clients, unmodified, can't tell the node from a real one. */
class OfficialClientsTest {
  private static CouchbaseNode node;

  @BeforeAll
  static void start() throws Exception {
    node = CouchbaseNode.builder().bucket("default").start();
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @Test
  void theJavaSdkReadsWhatItWrote() {
    try (Cluster cluster = connect()) {
      Collection collection = cluster.bucket("default").defaultCollection();
      collection.upsert("sdk-1", JsonObject.create().put("x", 1));
      assertThat(collection.get("sdk-1").contentAsObject().getInt("x")).isEqualTo(1);
    }
  }

  @Test
  void theDcpClientStreamsWhatWasWritten() {
    Bucket bucket = node.createBucket("streamed");
    bucket.load(1000, 300);
    Map<String, byte[]> received = new ConcurrentHashMap<>();
    Set<String> deleted = ConcurrentHashMap.newKeySet();
    Client client =
        Client.builder()
            .connectionString(node.connectionString())
            .bucket("streamed")
            .credentials(CouchbaseNode.ADMINISTRATOR, CouchbaseNode.ADMINISTRATOR_PASSWORD)
            .collectionsAware(true)
            .flowControl(1 << 20)
            .bootstrapTimeout(Duration.ofSeconds(10))
            .build();
    client.listener(
        new DatabaseChangeListener() {
          @Override
          public void onMutation(Mutation mutation) {
            received.put(mutation.getKey(), mutation.getContent());
          }

          @Override
          public void onDeletion(Deletion deletion) {
            deleted.add(deletion.getKey());
          }

          @Override
          public void onFailure(StreamFailure failure) {
            throw new AssertionError(failure.getCause());
          }
        },
        FlowControlMode.AUTOMATIC);
    client.connect().block(Duration.ofSeconds(10));
    try {
      client.initializeState(StreamFrom.BEGINNING, StreamTo.INFINITY).block(Duration.ofSeconds(10));
      client.startStreaming().block(Duration.ofSeconds(10));
      await().until(() -> received.size() == 1000);
      assertThat(received.get("doc-999")).hasSize(300);
      bucket.upsert("live", "{\"x\":1}");
      await().until(() -> received.containsKey("live"));
      assertThat(received.get("live")).asString(StandardCharsets.UTF_8).isEqualTo("{\"x\":1}");
      bucket.delete("live");
      await().until(() -> deleted.contains("live"));
    } finally {
      client.disconnect().block(Duration.ofSeconds(10));
    }
  }

  private static Cluster connect() {
    Cluster cluster =
        Cluster.connect(
            Set.of(SeedNode.create(node.host(), Optional.of(node.port()), Optional.empty())),
            ClusterOptions.clusterOptions(
                CouchbaseNode.ADMINISTRATOR, CouchbaseNode.ADMINISTRATOR_PASSWORD));
    return cluster;
  }
}
