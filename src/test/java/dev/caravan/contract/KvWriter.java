// SPDX-License-Identifier: Apache-2.0
package dev.caravan.contract;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.zip.CRC32;

/**
 * Writes documents that the SDK refuses, with the plain KV protocol. Without HELLO, keys have no
 * collection prefix. Not thread-safe.
 */
final class KvWriter implements AutoCloseable {
  private static final int HEADER_SIZE = 24;
  private static final int REQUEST = 0x80;
  private static final int SET = 0x01;
  private static final int SASL_AUTH = 0x21;
  private static final int SELECT_BUCKET = 0x89;
  private static final int GET_CLUSTER_CONFIG = 0xb5;
  private static final int FLAGS_AND_EXPIRY = 8;

  private final Socket socket;
  private final DataInputStream in;
  private final OutputStream out;
  private final int vbuckets;

  KvWriter(CouchbaseUnderTest couchbase) throws IOException {
    socket = new Socket(couchbase.host(), couchbase.port());
    in = new DataInputStream(socket.getInputStream());
    out = socket.getOutputStream();
    String login = "\0" + couchbase.login().username() + "\0" + couchbase.login().password();
    ask(SASL_AUTH, 0, "PLAIN", 0, login);
    ask(SELECT_BUCKET, 0, couchbase.bucket(), 0, "");
    byte[] map = ask(GET_CLUSTER_CONFIG, 0, "", 0, "");
    vbuckets = new ObjectMapper().readTree(map).at("/vBucketServerMap/vBucketMap").size();
  }

  /** Writes a document of the default collection. */
  void write(String id, String value) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(id.getBytes(UTF_8));
    int vbucket = (int) (crc.getValue() >> 16 & 0x7fff & vbuckets - 1);
    ask(SET, vbucket, id, FLAGS_AND_EXPIRY, value);
  }

  private byte[] ask(int opcode, int vbucket, String key, int extrasLength, String value)
      throws IOException {
    byte[] keyBytes = key.getBytes(UTF_8);
    byte[] valueBytes = value.getBytes(UTF_8);
    int bodyLength = extrasLength + keyBytes.length + valueBytes.length;
    ByteBuffer request = ByteBuffer.allocate(HEADER_SIZE + bodyLength);
    request.put((byte) REQUEST).put((byte) opcode).putShort((short) keyBytes.length);
    request.put((byte) extrasLength).put((byte) 0).putShort((short) vbucket).putInt(bodyLength);
    request.position(HEADER_SIZE + extrasLength);
    out.write(request.put(keyBytes).put(valueBytes).array());
    ByteBuffer header = ByteBuffer.wrap(in.readNBytes(HEADER_SIZE));
    byte[] body = in.readNBytes(header.getInt(8));
    if (header.getShort(6) != 0) {
      throw new IOException("Opcode 0x%x: status 0x%x".formatted(opcode, header.getShort(6)));
    }
    return body;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
