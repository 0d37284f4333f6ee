// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.cluster;

import com.couchbase.client.core.util.HostAndPort;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One revision of a bucket's cluster map: its nodes, and which of them keep which vBucket.
 * Immutable.
 *
 * <p>The client reads the same text, but keeps what it reads to itself. It knows a node by one
 * address, which depends on the network that it has chosen and on TLS. This map has every address
 * of a node, so that it need not choose.
 */
public final class ClusterMap {
  /**
   * Which of two maps is newer: a larger epoch, or a larger number in the same epoch.
   *
   * @param epoch 0 from servers before 7.0, which have none
   */
  record Revision(long epoch, long number) {
    private static final Pattern NUMBER = Pattern.compile("\"rev\"\\s*:\\s*(-?\\d{1,18})");
    private static final Pattern EPOCH = Pattern.compile("\"revEpoch\"\\s*:\\s*(-?\\d{1,18})");

    /** No map is as old as this. */
    static final Revision NONE = new Revision(0, 0);

    /** Reads the revision alone, which is cheap: every node sends every map. */
    static Revision of(String json) {
      return new Revision(number(EPOCH, json), number(NUMBER, json));
    }

    private static long number(Pattern pattern, String json) {
      Matcher matcher = pattern.matcher(json);
      return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }

    boolean isNewerThan(Revision other) {
      return epoch > other.epoch || (epoch == other.epoch && number > other.number);
    }
  }

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> KV_PORTS = List.of("kv", "kvSSL");

  private final List<Set<String>> nodes;

  /** By vBucket, the index of the active node and those of the replicas; negative for none. */
  private final int[][] copies;

  private final boolean ephemeral;

  private ClusterMap(List<Set<String>> nodes, int[][] copies, boolean ephemeral) {
    this.nodes = nodes;
    this.copies = copies;
    this.ephemeral = ephemeral;
  }

  /** Whether this is the map of a bucket, and not the one of the cluster, which has no vBuckets. */
  static boolean isOfBucket(String json) {
    return json.contains("\"nodeLocator\"");
  }

  /**
   * Reads a map.
   *
   * @param origin the host by which the node was reached that sent the map; it stands for a node
   *     that has no host name in it
   * @throws IOException if the text is not JSON
   */
  static ClusterMap parse(String json, String origin) throws IOException {
    JsonNode map = JSON.readTree(json);
    List<Set<String>> nodes = new ArrayList<>();
    map.path("nodesExt").forEach(node -> nodes.add(addresses(node, origin)));
    JsonNode rows = map.path("vBucketServerMap").path("vBucketMap");
    int[][] copies = new int[rows.size()][];
    for (int vbucket = 0; vbucket < copies.length; vbucket++) {
      JsonNode row = rows.get(vbucket);
      copies[vbucket] = new int[row.size()];
      for (int copy = 0; copy < row.size(); copy++) {
        copies[vbucket][copy] = row.get(copy).asInt(-1);
      }
    }
    return new ClusterMap(List.copyOf(nodes), copies, isEphemeral(map));
  }

  /** The addresses of a node's KV service in every network; none if it has no KV service. */
  private static Set<String> addresses(JsonNode node, String origin) {
    Set<String> hosts = new HashSet<>();
    Set<Integer> ports = new HashSet<>();
    hosts.add(node.path("hostname").asText(origin).replace("$HOST", origin));
    addPorts(ports, node.path("services"));
    for (Map.Entry<String, JsonNode> network : node.path("alternateAddresses").properties()) {
      hosts.add(network.getValue().path("hostname").asText(origin));
      addPorts(ports, network.getValue().path("ports"));
    }
    Set<String> addresses = new HashSet<>();
    for (String host : hosts) {
      for (int port : ports) {
        addresses.add(new HostAndPort(host, port).format());
      }
    }
    return Set.copyOf(addresses);
  }

  private static void addPorts(Set<Integer> ports, JsonNode services) {
    for (String service : KV_PORTS) {
      if (services.path(service).isInt()) {
        ports.add(services.get(service).intValue());
      }
    }
  }

  /**
   * Servers from 7.1 on name the type; before, only a bucket that is kept on disk has the
   * capability for views.
   */
  private static boolean isEphemeral(JsonNode map) {
    if (map.path("bucketType").isTextual()) {
      return map.path("bucketType").textValue().equals("ephemeral");
    }
    for (JsonNode capability : map.path("bucketCapabilities")) {
      if (capability.asText().equals("couchapi")) {
        return false;
      }
    }
    return map.path("bucketCapabilities").isArray();
  }

  /** Each node that has the KV service, by all its addresses. */
  List<Set<String>> nodes() {
    return nodes.stream().filter(addresses -> !addresses.isEmpty()).toList();
  }

  /**
   * The addresses of the node that is active for a vBucket; empty if none is, as after a failover
   * without a replica.
   */
  public Set<String> activeNode(int vbucket) {
    return copies(vbucket) == 0 ? Set.of() : node(vbucket, 0);
  }

  /** How many copies of a vBucket there should be: the active one, and each replica. */
  public int copies(int vbucket) {
    return vbucket < copies.length ? copies[vbucket].length : 0;
  }

  /**
   * The addresses of the node that has a copy of a vBucket; empty if none has.
   *
   * @param copy 0 for the active one, from 1 on for the replicas
   */
  public Set<String> node(int vbucket, int copy) {
    int node = copies[vbucket][copy];
    return node >= 0 && node < nodes.size() ? nodes.get(node) : Set.of();
  }

  /** Whether the bucket is kept in memory only, so that nothing is ever persisted. */
  public boolean isEphemeral() {
    return ephemeral;
  }
}
