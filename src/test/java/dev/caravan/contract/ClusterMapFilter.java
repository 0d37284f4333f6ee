// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.caravan.sandbox.TcpProxy;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Forwards the frames of a Couchbase node's KV protocol, and replaces the node in their cluster
 * maps by the proxy. Otherwise, a client would connect to the node directly.
 *
 * <pre>
 *   0: magic   1: opcode   2-3: key length   4: extras length   5: datatype   6-7: status   8-11: body length   24: body
 * </pre>
 *
 * @param port the proxy's
 */
record ClusterMapFilter(int port) implements TcpProxy.Filter {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int HEADER_SIZE = 24;
  private static final int BODY_LENGTH = 8;
  private static final int RESPONSE = 0x81;
  private static final int SERVER_REQUEST = 0x82;
  private static final int GET_CLUSTER_CONFIG = 0xb5;
  private static final int CLUSTERMAP_CHANGE_NOTIFICATION = 0x01;
  private static final int NOT_MY_VBUCKET = 0x07;
  private static final int CHUNK = 64 * 1024;

  @Override
  public void copy(InputStream fromServer, OutputStream toClient) throws IOException {
    byte[] header = new byte[HEADER_SIZE];
    while (fromServer.readNBytes(header, 0, HEADER_SIZE) == HEADER_SIZE) {
      int bodyLength = ByteBuffer.wrap(header).getInt(BODY_LENGTH);
      if (hasMap(header)) {
        byte[] body = fromServer.readNBytes(bodyLength);
        toClient.write(withOwnMap(header, body));
      } else {
        toClient.write(header);
        forward(fromServer, toClient, bodyLength);
      }
    }
  }

  private static void forward(InputStream from, OutputStream to, int length) throws IOException {
    byte[] chunk = new byte[Math.min(length, CHUNK)];
    for (int left = length; left > 0; ) {
      int read = from.read(chunk, 0, Math.min(left, chunk.length));
      if (read < 0) {
        throw new EOFException();
      }
      to.write(chunk, 0, read);
      left -= read;
    }
  }

  private static boolean hasMap(byte[] header) {
    ByteBuffer frame = ByteBuffer.wrap(header);
    int opcode = frame.get(1) & 0xff;
    int status = frame.getShort(6);
    return switch (frame.get(0) & 0xff) {
      case RESPONSE -> (opcode == GET_CLUSTER_CONFIG && status == 0) || status == NOT_MY_VBUCKET;
      case SERVER_REQUEST -> opcode == CLUSTERMAP_CHANGE_NOTIFICATION;
      default -> false;
    };
  }

  private byte[] withOwnMap(byte[] header, byte[] body) throws IOException {
    ByteBuffer given = ByteBuffer.wrap(header);
    int before = given.getShort(2) + given.get(4);
    byte[] map = Arrays.copyOfRange(body, before, body.length);
    byte[] own = map.length == 0 ? map : own(JSON.readTree(map));
    return ByteBuffer.allocate(HEADER_SIZE + before + own.length)
        .put(header)
        .put(body, 0, before)
        .put(own)
        .putInt(BODY_LENGTH, before + own.length)
        .array();
  }

  private byte[] own(JsonNode map) throws IOException {
    if (map.path("nodesExt").size() > 1 || map.path("nodes").size() > 1) {
      throw new IOException("The proxy stands before one node, and the cluster has several.");
    }
    for (JsonNode node : map.path("nodesExt")) {
      ((ObjectNode) node).remove("hostname");
      ((ObjectNode) node).remove("alternateAddresses");
      ((ObjectNode) node.get("services")).put("kv", port);
    }
    for (JsonNode node : map.path("nodes")) {
      ((ObjectNode) node).put("hostname", "$HOST:" + port);
      ((ObjectNode) node.get("ports")).put("direct", port);
    }
    if (map.path("vBucketServerMap").path("serverList") instanceof ArrayNode servers) {
      servers.removeAll().add("$HOST:" + port);
    }
    return JSON.writeValueAsBytes(map);
  }
}
