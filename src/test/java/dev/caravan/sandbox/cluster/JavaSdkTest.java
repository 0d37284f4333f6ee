// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.couchbase.client.core.env.SeedNode;
import com.couchbase.client.core.error.CasMismatchException;
import com.couchbase.client.core.error.DocumentExistsException;
import com.couchbase.client.core.error.DocumentNotFoundException;
import com.couchbase.client.core.msg.kv.DurabilityLevel;
import com.couchbase.client.java.Cluster;
import com.couchbase.client.java.ClusterOptions;
import com.couchbase.client.java.Collection;
import com.couchbase.client.java.json.JsonObject;
import com.couchbase.client.java.kv.GetResult;
import com.couchbase.client.java.kv.InsertOptions;
import com.couchbase.client.java.kv.MutationResult;
import com.couchbase.client.java.kv.ReplaceOptions;
import com.couchbase.client.java.kv.UpsertOptions;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The official Java SDK, unmodified, writes to the node and reads from it. */
class JavaSdkTest {
  private static CouchbaseNode node;
  private static Cluster cluster;
  private static Collection collection;

  @BeforeAll
  static void start() throws Exception {
    node = CouchbaseNode.builder().bucket("default").start();
    cluster =
        Cluster.connect(
            Set.of(SeedNode.create(node.host(), Optional.of(node.port()), Optional.empty())),
            ClusterOptions.clusterOptions(
                CouchbaseNode.ADMINISTRATOR, CouchbaseNode.ADMINISTRATOR_PASSWORD));
    cluster.bucket("default").waitUntilReady(Duration.ofSeconds(20));
    collection = cluster.bucket("default").defaultCollection();
  }

  @AfterAll
  static void stop() {
    cluster.disconnect();
    node.close();
  }

  @Test
  void aDocumentIsReadAsItWasWritten() {
    MutationResult written = collection.upsert("read", JsonObject.create().put("x", 1));
    GetResult read = collection.get("read");
    assertThat(read.contentAsObject().getInt("x")).isEqualTo(1);
    assertThat(read.cas()).isEqualTo(written.cas());
    assertThat(written.mutationToken())
        .hasValueSatisfying(
            token -> {
              int vbucket = node.bucket("default").vbucketOf("read");
              assertThat((int) token.partitionID()).isEqualTo(vbucket);
              assertThat(token.partitionUUID()).isEqualTo(node.bucket("default").vbuuid(vbucket));
            });
  }

  @Test
  void aDocumentThatCompressesWellIsReadAsItWasWritten() {
    String text = "all work and no play ".repeat(1000);
    collection.upsert("large", JsonObject.create().put("text", text));
    assertThat(collection.get("large").contentAsObject().getString("text")).isEqualTo(text);
    assertThat(node.bucket("default").defaultCollection().get("large"))
        .hasValueSatisfying(value -> assertThat(value).hasSize(text.length() + 11));
  }

  @Test
  void conditionsOfWritesBecomeTheSdksExceptions() {
    JsonObject document = JsonObject.create();
    collection.insert("condition", document);
    assertThatThrownBy(() -> collection.insert("condition", document))
        .isInstanceOf(DocumentExistsException.class);
    long cas = collection.get("condition").cas();
    collection.upsert("condition", document);
    assertThatThrownBy(
            () ->
                collection.replace("condition", document, ReplaceOptions.replaceOptions().cas(cas)))
        .isInstanceOf(CasMismatchException.class);
    collection.remove("condition");
    assertThatThrownBy(() -> collection.get("condition"))
        .isInstanceOf(DocumentNotFoundException.class);
    assertThatThrownBy(() -> collection.replace("condition", document))
        .isInstanceOf(DocumentNotFoundException.class);
  }

  @Test
  void documentsGoIntoNamedCollections() {
    node.bucket("default").createScope("inventory");
    node.bucket("default").createCollection("inventory", "airline");
    Collection airline = cluster.bucket("default").scope("inventory").collection("airline");
    airline.upsert("named", JsonObject.create().put("in", "airline"));
    assertThat(airline.get("named").contentAsObject().getString("in")).isEqualTo("airline");
    assertThatThrownBy(() -> collection.get("named")).isInstanceOf(DocumentNotFoundException.class);
  }

  @Test
  void durableWritesAndExpiriesAreAccepted() {
    JsonObject document = JsonObject.create();
    collection.insert(
        "durable", document, InsertOptions.insertOptions().durability(DurabilityLevel.MAJORITY));
    collection.upsert(
        "durable", document, UpsertOptions.upsertOptions().expiry(Duration.ofHours(1)));
    collection.upsert("durable", document, UpsertOptions.upsertOptions().preserveExpiry(true));
    assertThat(collection.get("durable").contentAsObject().isEmpty()).isTrue();
  }
}
