// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The map of the cluster that clients get: which node serves which vBucket.
 *
 * <p>{@code $HOST} stands for the address that the client came in by. Only services that are there
 * are listed: the Java SDK would wait for any other. It tells nodes apart by their manager port and
 * refuses a map without one; this node has one port for both. Thread-safe.
 */
final class ClusterConfig {
  private static final String HOST = "$HOST";
  private static final String[] BUCKET_CAPABILITIES = {
    "collections",
    "durableWrite",
    "tombstonedUserXAttrs",
    "dcp",
    "cbhello",
    "touch",
    "cccp",
    "xdcrCheckpointing",
    "nodesExt",
    "xattr"
  };

  private final int kvPort;
  private final Map<String, byte[]> byBucketUuid = new ConcurrentHashMap<>();

  ClusterConfig(int kvPort) {
    this.kvPort = kvPort;
  }

  /** The map for a bucket, or the one without a bucket for null. */
  byte[] json(Bucket bucket) {
    return byBucketUuid.computeIfAbsent(bucket == null ? "" : bucket.uuid(), any -> render(bucket));
  }

  void forget(Bucket bucket) {
    byBucketUuid.remove(bucket.uuid());
  }

  private byte[] render(Bucket bucket) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("rev", 1).put("revEpoch", 1);
    ObjectNode node = root.putArray("nodesExt").addObject();
    node.putObject("services").put("kv", kvPort).put("mgmt", kvPort);
    node.put("thisNode", true);
    if (bucket != null) {
      addBucket(root, bucket);
    }
    return root.toString().getBytes(StandardCharsets.UTF_8);
  }

  private void addBucket(ObjectNode root, Bucket bucket) {
    root.put("name", bucket.name()).put("uuid", bucket.uuid());
    root.put("nodeLocator", "vbucket").put("bucketType", "membase");
    root.put("storageBackend", "couchstore");
    root.put("uri", "/pools/default/buckets/" + bucket.name());
    root.put("streamingUri", "/pools/default/bucketsStreaming/" + bucket.name());
    ObjectNode node = root.putArray("nodes").addObject();
    node.put("hostname", HOST);
    node.putObject("ports").put("direct", kvPort);
    root.put("bucketCapabilitiesVer", "");
    ArrayNode capabilities = root.putArray("bucketCapabilities");
    for (String capability : BUCKET_CAPABILITIES) {
      capabilities.add(capability);
    }
    ObjectNode map = root.putObject("vBucketServerMap");
    map.put("hashAlgorithm", "CRC").put("numReplicas", 0);
    map.putArray("serverList").add(HOST + ":" + kvPort);
    ArrayNode owners = map.putArray("vBucketMap");
    for (int i = 0; i < bucket.vbucketCount(); i++) {
      owners.addArray().add(0);
    }
  }
}
