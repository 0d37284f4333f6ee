// SPDX-License-Identifier: Apache-2.0
package dev.caravan.cli.chaos;

import com.couchbase.client.core.error.DocumentNotFoundException;
import com.couchbase.client.core.msg.kv.MutationToken;
import com.couchbase.client.core.service.ServiceType;
import com.couchbase.client.java.Cluster;
import com.couchbase.client.java.ClusterOptions;
import com.couchbase.client.java.Collection;
import com.couchbase.client.java.codec.RawJsonTranscoder;
import com.couchbase.client.java.diagnostics.WaitUntilReadyOptions;
import com.couchbase.client.java.kv.MutationResult;
import com.couchbase.client.java.kv.UpsertOptions;
import dev.caravan.cli.chaos.audit.ChaosAudit;
import dev.caravan.cli.chaos.audit.ChaosWrite;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * A given Couchbase cluster as the target. It has no faults of its own, and its other documents
 * stay as they are. Thread-safe.
 */
final class ExternalCouchbase implements ChaosTarget {
  private static final Duration READY_TIMEOUT = Duration.ofSeconds(30);

  private final String nodes;
  private final String bucket;
  private final String username;
  private final String password;
  private final Cluster cluster;
  private final Collection collection;
  private final List<ChaosWrite> writes = Collections.synchronizedList(new ArrayList<>());

  private ExternalCouchbase(String nodes, String bucket, String username, String password) {
    this.nodes = nodes;
    this.bucket = bucket;
    this.username = username;
    this.password = password;
    this.cluster =
        Cluster.connect("couchbase://" + nodes, ClusterOptions.clusterOptions(username, password));
    this.collection = cluster.bucket(bucket).defaultCollection();
  }

  /**
   * Connects to a bucket.
   *
   * @param connectionString {@code couchbase://host[:port][,...]/bucket}
   * @throws IllegalArgumentException if the connection string has another form
   * @throws RuntimeException if the bucket is not ready within 30 s
   */
  static ExternalCouchbase connect(String connectionString, String username, String password) {
    URI uri = URI.create(connectionString);
    String path = uri.getPath() == null ? "" : uri.getPath();
    if (!"couchbase".equals(uri.getScheme()) || uri.getAuthority() == null || path.length() < 2) {
      throw new IllegalArgumentException(
          "--couchbase must have the form couchbase://host[:port]/bucket, not \""
              + connectionString
              + "\".");
    }
    ExternalCouchbase node =
        new ExternalCouchbase(uri.getAuthority(), path.substring(1), username, password);
    try {
      // The run uses no other service, and a node may have no other.
      node.cluster
          .bucket(node.bucket)
          .waitUntilReady(
              READY_TIMEOUT,
              WaitUntilReadyOptions.waitUntilReadyOptions().serviceTypes(ServiceType.KV));
      return node;
    } catch (RuntimeException e) {
      node.close();
      throw e;
    }
  }

  @Override
  public void upsert(String documentId, String json) {
    UpsertOptions asItIs = UpsertOptions.upsertOptions().transcoder(RawJsonTranscoder.INSTANCE);
    byte[] document = json.getBytes(StandardCharsets.UTF_8);
    add(documentId, collection.upsert(documentId, document, asItIs), false);
  }

  @Override
  public void delete(String documentId) {
    try {
      add(documentId, collection.remove(documentId), true);
    } catch (DocumentNotFoundException e) {
      // There is nothing to delete.
      return;
    }
  }

  private void add(String documentId, MutationResult result, boolean deletion) {
    MutationToken token =
        result
            .mutationToken()
            .orElseThrow(() -> new IllegalStateException("The node returns no mutation tokens."));
    writes.add(
        new ChaosWrite(
            documentId,
            token.partitionID(),
            token.partitionUUID(),
            token.sequenceNumber(),
            result.cas(),
            deletion,
            false));
  }

  @Override
  public List<ChaosWrite> writes() {
    synchronized (writes) {
      return List.copyOf(writes);
    }
  }

  @Override
  public List<ChaosAudit.Purge> purges() {
    return List.of();
  }

  @Override
  public List<Long> branches() {
    return List.of();
  }

  @Override
  public NetworkPath path(int worker) {
    return new NetworkPath(Map.of(), List.of());
  }

  @Override
  public Map<String, String> connectorConfig() {
    return Map.of(
        "couchbase.nodes",
        nodes,
        "couchbase.bucket",
        bucket,
        "couchbase.username",
        username,
        "couchbase.password",
        password);
  }

  @Override
  public List<ChaosFault> faults() {
    return List.of();
  }

  @Override
  public void close() {
    cluster.disconnect();
  }
}
