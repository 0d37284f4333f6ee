// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The map of the cluster that clients get: which node serves which vBucket.
 *
 * <p>{@code $HOST} stands for the address that the client came in by. Only services that are there
 * are listed: the Java SDK would wait for any other. It tells nodes apart by their manager port and
 * refuses a map without one; this node has one port for both. Thread-safe.
 */
final class ClusterConfig {
  /** One state of a map; later ones have a larger number, or a larger epoch. */
  record Revision(long epoch, long number, byte[] json) {
    boolean isNewerThan(Revision other) {
      return epoch > other.epoch || (epoch == other.epoch && number > other.number);
    }
  }

  private static final long EPOCH = 1;
  private static final long FIRST_REVISION = 1;
  private static final int NOBODY = -1;
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
    "xattr",
    "dcp.IgnorePurgedTombstones"
  };

  private final int kvPort;
  private final Map<String, Revision> byBucketUuid = new ConcurrentHashMap<>();

  ClusterConfig(int kvPort) {
    this.kvPort = kvPort;
  }

  /** The map for a bucket, or the one without a bucket for null. */
  Revision revision(@Nullable Bucket bucket) {
    return byBucketUuid.computeIfAbsent(
        bucket == null ? "" : bucket.uuid(), any -> render(bucket, FIRST_REVISION));
  }

  /** Makes the next revision of a bucket's map, from the states of its vBuckets. */
  Revision renew(Bucket bucket) {
    Revision first = revision(bucket);
    return byBucketUuid.compute(
        bucket.uuid(), (any, last) -> render(bucket, (last == null ? first : last).number() + 1));
  }

  /** Takes a map that the cluster manager made; returns false when the present one is newer. */
  boolean accept(Bucket bucket, Revision given) {
    revision(bucket);
    Revision kept =
        byBucketUuid.computeIfPresent(
            bucket.uuid(), (any, last) -> last.isNewerThan(given) ? last : given);
    return given.equals(kept);
  }

  void forget(Bucket bucket) {
    byBucketUuid.remove(bucket.uuid());
  }

  private Revision render(@Nullable Bucket bucket, long number) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("rev", number).put("revEpoch", EPOCH);
    ObjectNode node = root.putArray("nodesExt").addObject();
    node.putObject("services").put("kv", kvPort).put("mgmt", kvPort);
    node.put("thisNode", true);
    if (bucket != null) {
      addBucket(root, bucket);
    }
    return new Revision(EPOCH, number, root.toString().getBytes(StandardCharsets.UTF_8));
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
    for (VBucket vbucket : bucket.vbuckets()) {
      boolean active = vbucket.state() == VBucketState.ACTIVE;
      owners.addArray().add(active ? 0 : NOBODY);
    }
  }
}
