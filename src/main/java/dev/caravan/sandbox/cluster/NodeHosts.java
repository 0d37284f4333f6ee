// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.cluster;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The addresses that the nodes of a cluster listen on. On the loopback interface each node has its
 * own address, as in a real cluster, because some clients distinguish nodes by their host.
 * Immutable.
 */
final class NodeHosts {
  private final List<String> hosts;

  private NodeHosts(List<String> hosts) {
    this.hosts = List.copyOf(hosts);
  }

  /**
   * The hosts of some nodes: the loopback addresses from the first one on, or the same host for all
   * nodes if it isn't a loopback address of IPv4.
   *
   * @throws IOException when the host can't be resolved, or the machine lacks one of the addresses
   */
  static NodeHosts of(String first, int nodes) throws IOException {
    InetAddress address = InetAddress.getByName(first);
    if (nodes == 1 || !address.isLoopbackAddress() || !(address instanceof Inet4Address)) {
      return new NodeHosts(Collections.nCopies(nodes, first));
    }
    int number = ByteBuffer.wrap(address.getAddress()).getInt();
    List<String> hosts = new ArrayList<>();
    for (int node = 0; node < nodes; node++) {
      byte[] bytes = ByteBuffer.allocate(Integer.BYTES).putInt(number + node).array();
      hosts.add(InetAddress.getByAddress(bytes).getHostAddress());
    }
    for (String host : hosts) {
      requirePresent(host);
    }
    return new NodeHosts(hosts);
  }

  private static void requirePresent(String host) throws IOException {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(host, 0));
    } catch (IOException e) {
      throw new IOException(
          "can't listen on "
              + host
              + ": "
              + e.getMessage()
              + "; each node of a cluster needs a loopback address of its own. On macOS add it"
              + " with \"sudo ifconfig lo0 alias "
              + host
              + " up\".",
          e);
    }
  }

  String host(int node) {
    return hosts.get(node);
  }

  /** Whether all nodes can have the same port. */
  boolean areDistinct() {
    return hosts.stream().distinct().count() == hosts.size();
  }
}
