// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import static org.awaitility.Awaitility.await;

import com.couchbase.client.core.env.SeedNode;
import com.couchbase.client.core.error.DocumentNotFoundException;
import com.couchbase.client.java.Bucket;
import com.couchbase.client.java.Cluster;
import com.couchbase.client.java.ClusterOptions;
import com.couchbase.client.java.Collection;
import com.couchbase.client.java.codec.RawBinaryTranscoder;
import com.couchbase.client.java.kv.GetOptions;
import com.couchbase.client.java.kv.MutateInOptions;
import com.couchbase.client.java.kv.MutateInSpec;
import com.couchbase.client.java.kv.StoreSemantics;
import com.couchbase.client.java.kv.UpsertOptions;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Writes documents with the official Java SDK, as any application would. Thread-safe. */
final class Documents implements AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  private final Cluster cluster;
  private final Bucket bucket;

  Documents(CouchbaseUnderTest couchbase) {
    cluster =
        Cluster.connect(
            Set.of(
                SeedNode.create(couchbase.host(), Optional.of(couchbase.port()), Optional.empty())),
            ClusterOptions.clusterOptions(
                    couchbase.login().username(), couchbase.login().password())
                .environment(
                    environment ->
                        environment.timeoutConfig(timeouts -> timeouts.kvTimeout(TIMEOUT))));
    bucket = cluster.bucket(couchbase.bucket());
  }

  void write(String id, byte[] value) {
    write(id, value, UpsertOptions.upsertOptions());
  }

  void write(String id, String value) {
    write(id, value.getBytes(StandardCharsets.UTF_8));
  }

  void write(String id, byte[] value, Duration expiry) {
    write(id, value, UpsertOptions.upsertOptions().expiry(expiry));
  }

  private void write(String id, byte[] value, UpsertOptions options) {
    bucket.defaultCollection().upsert(id, value, options.transcoder(RawBinaryTranscoder.INSTANCE));
  }

  void write(String scope, String collection, String id, String value) {
    Collection into = bucket.scope(scope).collection(collection);
    into.upsert(
        id,
        value.getBytes(StandardCharsets.UTF_8),
        UpsertOptions.upsertOptions().transcoder(RawBinaryTranscoder.INSTANCE));
  }

  void writeXattr(String id, String name, Object value) {
    bucket
        .defaultCollection()
        .mutateIn(
            id,
            List.of(MutateInSpec.upsert(name, value).xattr()),
            MutateInOptions.mutateInOptions().storeSemantics(StoreSemantics.REPLACE));
  }

  void delete(String id) {
    bucket.defaultCollection().remove(id);
  }

  /** Waits until a document has expired. A read makes Couchbase process the expiry. */
  void awaitExpiry(String id) {
    await().atMost(TIMEOUT).until(() -> !exists(id));
  }

  private boolean exists(String id) {
    try {
      bucket
          .defaultCollection()
          .get(id, GetOptions.getOptions().transcoder(RawBinaryTranscoder.INSTANCE));
      return true;
    } catch (DocumentNotFoundException e) {
      return false;
    }
  }

  @Override
  public void close() {
    cluster.disconnect();
  }
}
