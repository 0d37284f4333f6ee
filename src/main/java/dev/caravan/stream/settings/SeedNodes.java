// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.settings;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The nodes to bootstrap from: {@code couchbase://host,host:port}, {@code couchbases://...} for
 * TLS, or just hosts; separated by commas or semicolons. A port is that of the KV service.
 * Immutable.
 *
 * @param hosts each a host name or an address, with {@code :port} or without, at least one
 * @param tls whether connections are encrypted
 */
public record SeedNodes(List<String> hosts, boolean tls) {
  private static final Pattern SCHEME = Pattern.compile("([a-zA-Z][a-zA-Z0-9+.-]*)://(.*)");

  /**
   * A part of a host name; RFC 1123, but with the underscores that names in private networks have.
   */
  private static final String LABEL = "[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?";

  private static final Pattern HOST =
      Pattern.compile(
          "(?<name>"
              + LABEL
              + "(?:\\."
              + LABEL
              + ")*\\.?|\\[[0-9a-fA-F:.]+(?:%[a-zA-Z0-9]+)?])(?::(?<port>\\d{1,5}))?");

  public SeedNodes {
    hosts = List.copyOf(hosts);
  }

  /**
   * Reads a connection string.
   *
   * @throws IllegalArgumentException if the text is not a connection string; the message says what
   *     is wrong
   */
  public static SeedNodes parse(String connectionString) {
    String rest = connectionString.trim();
    boolean tls = false;
    Matcher scheme = SCHEME.matcher(rest);
    if (scheme.matches()) {
      switch (scheme.group(1).toLowerCase(Locale.ROOT)) {
        case "couchbase" -> tls = false;
        case "couchbases" -> tls = true;
        default ->
            throw invalid(connectionString, "the scheme must be couchbase:// or couchbases://");
      }
      rest = scheme.group(2);
    }
    List<String> hosts = new ArrayList<>();
    for (String part : rest.split("[,;]")) {
      String host = part.trim();
      if (!host.isEmpty()) {
        hosts.add(checked(connectionString, host));
      }
    }
    if (hosts.isEmpty()) {
      throw invalid(connectionString, "there is no host in it");
    }
    return new SeedNodes(hosts, tls);
  }

  private static String checked(String connectionString, String host) {
    // A user name in a connection string may come with a password, so the value isn't repeated.
    if (host.contains("@")) {
      throw new IllegalArgumentException(
          "connectionString contains a user name. Remove it and use the options username and"
              + " password, or credentials.");
    }
    Matcher matcher = HOST.matcher(host);
    if (!matcher.matches()) {
      throw invalid(connectionString, "'" + host + "' is not a host or host:port");
    }
    String port = matcher.group("port");
    if (port != null && (Integer.parseInt(port) < 1 || Integer.parseInt(port) > 65535)) {
      throw invalid(connectionString, "the port of '" + host + "' is not within 1 to 65535");
    }
    return host;
  }

  private static IllegalArgumentException invalid(String connectionString, String reason) {
    String value = connectionString.contains("@") ? "" : " '" + connectionString + "'";
    return new IllegalArgumentException(
        "connectionString"
            + value
            + ": "
            + reason
            + ". Use couchbase://host1,host2:11210, couchbases://host for TLS, or just the hosts.");
  }

  /** The form that the Couchbase client libraries understand. */
  @Override
  public String toString() {
    return (tls ? "couchbases://" : "couchbase://") + String.join(",", hosts);
  }
}
