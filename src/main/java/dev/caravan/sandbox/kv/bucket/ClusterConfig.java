// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.bucket;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.caravan.sandbox.kv.store.VBucket;
import dev.caravan.sandbox.kv.store.VBucketState;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The cluster map for clients, which says which node serves which vBucket.
 *
 * <p>{@code $HOST} stands for the address to which the client connected. Only the services of the
 * node are listed, because the Java SDK would wait for others. The SDK distinguishes nodes by their
 * manager port and refuses a map without one, so the KV port is listed as the manager port too.
 * Thread-safe.
 */
public final class ClusterConfig {
  /**
   * A node of the cluster.
   *
   * @param number by which {@link VBucketMap}s name it
   */
  public record Member(int number, String host, int port) {}

  /**
   * One state of a map; later ones have a larger number, or a larger epoch.
   *
   * @param common for the clients of nodes that have no text of their own
   * @param byNode the text of each node by its number, in which the node is marked
   */
  public record Revision(long epoch, long number, byte[] common, Map<Integer, byte[]> byNode) {
    public byte[] json(int node) {
      return byNode.getOrDefault(node, common);
    }

    boolean isNewerThan(Revision other) {
      return epoch > other.epoch || (epoch == other.epoch && number > other.number);
    }
  }

  private static final long EPOCH = 1;
  private static final long FIRST_REVISION = 1;
  private static final int NOBODY = -1;
  private static final int NO_NODE = -1;
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

  private final Map<String, Revision> byBucketUuid = new ConcurrentHashMap<>();
  private volatile List<Member> members = List.of();

  /** The first revision of the next bucket: a cluster's revisions only grow. */
  private volatile long firstRevision = FIRST_REVISION;

  /** Changes the members of the cluster; maps show them from their next revision on. */
  public void members(List<Member> changed) {
    members = List.copyOf(changed);
  }

  public List<Integer> memberNumbers() {
    return members.stream().map(Member::number).toList();
  }

  public boolean isMember(int node) {
    return members.stream().anyMatch(member -> member.number() == node);
  }

  /** The map for a bucket, or the one without a bucket for null. */
  public Revision revision(@Nullable Bucket bucket) {
    return byBucketUuid.computeIfAbsent(
        bucket == null ? "" : bucket.uuid(), any -> render(bucket, firstRevision));
  }

  /** Makes the next revision of a bucket's map, from the states of its vBuckets. */
  public Revision renew(Bucket bucket) {
    Revision first = revision(bucket);
    return byBucketUuid.compute(
        bucket.uuid(), (any, last) -> render(bucket, (last == null ? first : last).number() + 1));
  }

  /** Accepts a map of the cluster manager; returns false when the present one is newer. */
  public boolean accept(Bucket bucket, Revision given) {
    revision(bucket);
    Revision kept =
        byBucketUuid.computeIfPresent(
            bucket.uuid(), (any, last) -> last.isNewerThan(given) ? last : given);
    return given.equals(kept);
  }

  public void forget(Bucket bucket) {
    Revision last = byBucketUuid.remove(bucket.uuid());
    if (last != null) {
      firstRevision = Math.max(firstRevision, last.number() + 1);
    }
  }

  /** Revisions begin again with the next bucket, as in a cluster that is set up again. */
  public void beginAgain() {
    firstRevision = FIRST_REVISION;
  }

  /** Makes the next revision of the map without a bucket. */
  public void renew() {
    byBucketUuid.computeIfPresent("", (any, last) -> render(null, last.number() + 1));
  }

  private Revision render(@Nullable Bucket bucket, long number) {
    List<Member> present = members;
    Map<Integer, byte[]> byNode = new HashMap<>();
    present.forEach(
        member -> byNode.put(member.number(), text(bucket, number, present, member.number())));
    return new Revision(EPOCH, number, text(bucket, number, present, NO_NODE), Map.copyOf(byNode));
  }

  private static byte[] text(
      @Nullable Bucket bucket, long number, List<Member> members, int thisNode) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("rev", number).put("revEpoch", EPOCH);
    ArrayNode nodes = root.putArray("nodesExt");
    for (Member member : members) {
      ObjectNode node = nodes.addObject();
      node.putObject("services").put("kv", member.port()).put("mgmt", member.port());
      if (member.number() == thisNode) {
        node.put("thisNode", true);
      }
      if (members.size() > 1) {
        node.put("hostname", member.host());
      }
    }
    if (bucket != null) {
      addBucket(root, bucket, members);
    }
    return root.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static void addBucket(ObjectNode root, Bucket bucket, List<Member> members) {
    root.put("name", bucket.name()).put("uuid", bucket.uuid());
    root.put("nodeLocator", "vbucket");
    root.put("bucketType", bucket.isEphemeral() ? "ephemeral" : "membase");
    if (!bucket.isEphemeral()) {
      root.put("storageBackend", "couchstore");
    }
    root.put("uri", "/pools/default/buckets/" + bucket.name());
    root.put("streamingUri", "/pools/default/bucketsStreaming/" + bucket.name());
    ArrayNode nodes = root.putArray("nodes");
    for (Member member : members) {
      ObjectNode node = nodes.addObject();
      node.put("hostname", hostname(member, members));
      node.putObject("ports").put("direct", member.port());
    }
    root.put("bucketCapabilitiesVer", "");
    ArrayNode capabilities = root.putArray("bucketCapabilities");
    for (String capability : BUCKET_CAPABILITIES) {
      capabilities.add(capability);
    }
    ObjectNode map = root.putObject("vBucketServerMap");
    map.put("hashAlgorithm", "CRC").put("numReplicas", bucket.replicas());
    ArrayNode servers = map.putArray("serverList");
    members.forEach(member -> servers.add(hostname(member, members) + ":" + member.port()));
    addOwners(map.putArray("vBucketMap"), bucket, members);
  }

  /** The only node is where the client came in; one of several has to be named. */
  private static String hostname(Member member, List<Member> members) {
    return members.size() > 1 ? member.host() : HOST;
  }

  /** For each vBucket the place of its active node in the list, then those of its replicas. */
  private static void addOwners(ArrayNode owners, Bucket bucket, List<Member> members) {
    Map<Integer, Integer> places = new HashMap<>();
    for (int place = 0; place < members.size(); place++) {
      places.put(members.get(place).number(), place);
    }
    VBucketMap map = bucket.map();
    for (VBucket vbucket : bucket.vbuckets()) {
      List<Integer> chain = map.chain(vbucket.id());
      ArrayNode row = owners.addArray();
      boolean active = vbucket.state() == VBucketState.ACTIVE;
      row.add(active ? places.getOrDefault(chain.get(0), NOBODY) : NOBODY);
      for (int replica = 1; replica <= bucket.replicas(); replica++) {
        row.add(replica < chain.size() ? places.getOrDefault(chain.get(replica), NOBODY) : NOBODY);
      }
    }
  }
}
