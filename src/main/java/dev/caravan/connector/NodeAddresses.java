// SPDX-License-Identifier: Apache-2.0
package dev.caravan.connector;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.ConfigException;

/**
 * The Couchbase nodes to which a connector connects first: {@code host} or {@code host:port},
 * separated by commas or semicolons. A port is that of the KV service. An IPv6 address is in
 * brackets. The whole list or each node may have the prefix {@code couchbase://}, or {@code
 * couchbases://} for TLS. Immutable.
 *
 * @param tls whether the connections use TLS
 * @param nodes the nodes, without a prefix
 */
record NodeAddresses(boolean tls, List<String> nodes) {
  private static final Pattern SCHEME = Pattern.compile("^([A-Za-z][A-Za-z0-9+.-]*)://(.*)$");

  /** A label of a host name, as the component's option connectionString allows it. */
  private static final String LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";

  private static final Pattern NODE =
      Pattern.compile(
          "(\\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9]+)?]|"
              + LABEL
              + "(?:\\."
              + LABEL
              + ")*\\.?)(?::(\\d{1,5}))?");
  private static final int MAX_PORT = 65535;

  /** More than a host name (253) and a port need. The pattern takes stack for each character. */
  private static final int MAX_NODE_CHARS = 260;

  NodeAddresses {
    nodes = List.copyOf(nodes);
  }

  /**
   * Parses a list of nodes.
   *
   * @param key the key, for messages
   * @throws ConfigException if the list is empty or an entry is invalid
   */
  static NodeAddresses parse(String key, String value) {
    if (value.contains("@")) {
      throw new ConfigException(
          key,
          "[hidden]",
          "A user and a password don't belong in an address; give couchbase.username and"
              + " couchbase.password");
    }
    Set<String> schemes = new HashSet<>();
    List<String> nodes = new ArrayList<>();
    for (String entry : value.split("[,;]")) {
      String node = entry.trim();
      if (node.isEmpty()) {
        continue;
      }
      Matcher scheme = SCHEME.matcher(node);
      if (scheme.matches()) {
        schemes.add(scheme.group(1).toLowerCase(Locale.ROOT));
        node = scheme.group(2);
      }
      nodes.add(node(key, value, node));
    }
    if (nodes.isEmpty()) {
      throw new ConfigException(key, value, "Give at least one node, as host or host:port");
    }
    return new NodeAddresses(tls(key, value, schemes), nodes);
  }

  private static String node(String key, String value, String node) {
    Matcher matcher = NODE.matcher(node);
    Optional<Integer> port =
        node.length() <= MAX_NODE_CHARS && matcher.matches()
            ? Optional.ofNullable(matcher.group(2)).map(Integer::valueOf)
            : Optional.of(-1);
    if (port.isPresent() && (port.get() < 1 || port.get() > MAX_PORT)) {
      throw new ConfigException(
          key,
          value,
          "\""
              + node
              + "\" is not a node; write host (letters, digits, hyphens inside, dots), host:port (1 to 65535) or [IPv6 address]:port,"
              + " separated by commas or semicolons");
    }
    return node;
  }

  private static boolean tls(String key, String value, Set<String> schemes) {
    for (String scheme : schemes) {
      if (!scheme.equals("couchbase") && !scheme.equals("couchbases")) {
        throw new ConfigException(
            key,
            value,
            "\"" + scheme + "://\" is unknown; use couchbase://, or couchbases:// for TLS");
      }
    }
    if (schemes.size() > 1) {
      throw new ConfigException(
          key, value, "couchbase:// and couchbases:// can't be mixed in one connector");
    }
    return schemes.contains("couchbases");
  }

  /** Returns the value of the component's option {@code connectionString}. */
  String connectionString() {
    return (tls ? "couchbases://" : "couchbase://") + String.join(",", nodes);
  }
}
