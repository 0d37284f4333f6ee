// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox;

import dev.caravan.sandbox.cluster.CouchbaseNode;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;

/**
 * Speaks the protocol frame by frame, so that tests see every byte that a client would.
 *
 * <p>It says what it received in the words of the recordings that the tests cite.
 */
public final class RawClient implements AutoCloseable {
  private static final int[] DCP_FEATURES = {0x06, 0x07, 0x08, 0x0a, 0x0b, 0x0c, 0x0d, 0x12};

  private static final int TIMEOUT_MILLIS = 10_000;

  /** A frame from the node: a response, or a DCP message. */
  public record Frame(
      int magic,
      int opcode,
      int datatype,
      int statusOrVBucket,
      int opaque,
      long cas,
      byte[] frameInfo,
      byte[] extras,
      byte[] key,
      byte[] value) {
    public int status() {
      return statusOrVBucket;
    }

    public String text() {
      return new String(value, StandardCharsets.UTF_8);
    }

    public int length() {
      return 24 + frameInfo.length + extras.length + key.length + value.length;
    }

    boolean isMessage() {
      return magic == 0x80 || magic == 0x08 || magic == 0x82;
    }

    /** The message in the words of the recordings, without CAS and opaque. */
    public String words() {
      ByteBuffer in = ByteBuffer.wrap(extras);
      String what =
          switch (opcode) {
            case 0x55 -> "STREAM_END reason=" + in.getInt();
            case 0x01 -> "SERVER-PUSH magic=%x dt=%d".formatted(magic, datatype);
            case 0x56 ->
                extras.length == 1
                    ? longMarker()
                    : "SNAPSHOT_MARKER v1 %d-%d flags=0x%x"
                        .formatted(in.getLong(), in.getLong(), in.getInt());
            case 0x57 ->
                "MUTATION seq=%d rev=%d flags=0x%x exp=%d lock=%d nmeta=%d nru=%d dt=%d key=%s val=%d:%s"
                    .formatted(
                        in.getLong(),
                        in.getLong(),
                        in.getInt(),
                        in.getInt(),
                        in.getInt(),
                        in.getShort(),
                        in.get(),
                        datatype,
                        keyWords(),
                        value.length,
                        text());
            case 0x58 ->
                extras.length == 18
                    ? "DELETION v1 seq=%d rev=%d nmeta=%d dt=%d key=%s val=%d"
                        .formatted(
                            in.getLong(),
                            in.getLong(),
                            in.getShort(),
                            datatype,
                            keyWords(),
                            value.length)
                    : "DELETION v2 seq=%d rev=%d delete_time=%d unused=%d dt=%d key=%s val=%d"
                        .formatted(
                            in.getLong(),
                            in.getLong(),
                            in.getInt(),
                            in.get(),
                            datatype,
                            keyWords(),
                            value.length);
            case 0x59 ->
                "EXPIRATION seq=%d rev=%d delete_time=%d dt=%d key=%s val=%d"
                    .formatted(
                        in.getLong(),
                        in.getLong(),
                        in.getInt(),
                        datatype,
                        keyWords(),
                        value.length);
            case 0x5c -> "NOOP";
            case 0x5f ->
                "SYSTEM_EVENT seq=%d event=%d version=%d key=%s value=%s"
                    .formatted(
                        in.getLong(),
                        in.getInt(),
                        in.get(),
                        new String(key, StandardCharsets.UTF_8),
                        HexFormat.of().formatHex(value));
            case 0x64 -> "SEQNO_ADVANCED seq=" + in.getLong();
            default -> "opcode 0x" + Integer.toHexString(opcode);
          };
      return "[" + length() + " bytes] " + what;
    }

    private String longMarker() {
      ByteBuffer in = ByteBuffer.wrap(value);
      return "SNAPSHOT_MARKER v2.%d %d-%d flags=0x%x maxVisible=%d highCompleted=%d"
          .formatted(
              extras[0], in.getLong(), in.getLong(), in.getInt(), in.getLong(), in.getLong());
    }

    private String keyWords() {
      StringBuilder words = new StringBuilder();
      for (byte b : key) {
        words.append(b > ' ' ? String.valueOf((char) b) : "\\x%02x".formatted(b & 0xff));
      }
      return words.toString();
    }
  }

  private final Socket socket;
  private final DataInputStream in;
  private final List<Frame> messages = new ArrayList<>();

  /** The features that a DCP client asks for in HELLO. */
  public static int[] dcpFeatures() {
    return DCP_FEATURES.clone();
  }

  public RawClient(CouchbaseNode node) throws IOException {
    socket = new Socket(node.host(), node.port());
    socket.setSoTimeout(TIMEOUT_MILLIS);
    in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
  }

  /** A client that is logged in as the administrator and has selected a bucket. */
  public static RawClient ready(CouchbaseNode node, String bucket, int... features)
      throws IOException {
    RawClient client = new RawClient(node);
    client.hello(features);
    client.plain("Administrator", "password");
    client.select(bucket);
    return client;
  }

  /** A client with an open DCP connection with noop, as all need that know of collections. */
  public static RawClient dcp(CouchbaseNode node, String bucket, int openFlags, int... features)
      throws IOException {
    RawClient client = ready(node, bucket, features);
    client.open("raw-" + UUID.randomUUID(), openFlags);
    client.control("enable_noop", "true");
    return client;
  }

  public Frame hello(int... features) throws IOException {
    ByteBuffer value = ByteBuffer.allocate(features.length * 2);
    for (int feature : features) {
      value.putShort((short) feature);
    }
    return call(0x1f, 0, 0, "", "", value.array());
  }

  public Frame plain(String user, String password) throws IOException {
    return call(0x21, "PLAIN", "\0" + user + "\0" + password);
  }

  public Frame select(String bucket) throws IOException {
    return call(0x89, bucket, "");
  }

  public Frame open(String name, int flags) throws IOException {
    byte[] extras = ByteBuffer.allocate(8).putInt(0).putInt(flags).array();
    return call(0x50, 0, 0, extras, name.getBytes(StandardCharsets.UTF_8), new byte[0]);
  }

  public Frame control(String key, String value) throws IOException {
    return call(0x5e, key, value);
  }

  public Frame stream(int vbucket, long start, long end) throws IOException {
    return stream(vbucket, 0, start, end, 0, start, start, "");
  }

  public Frame stream(
      int vbucket,
      int flags,
      long start,
      long end,
      long uuid,
      long snapshotStart,
      long snapshotEnd,
      String value)
      throws IOException {
    byte[] extras =
        ByteBuffer.allocate(48)
            .putInt(flags)
            .putInt(0)
            .putLong(start)
            .putLong(end)
            .putLong(uuid)
            .putLong(snapshotStart)
            .putLong(snapshotEnd)
            .array();
    return call(0x53, vbucket, 0, extras, new byte[0], value.getBytes(StandardCharsets.UTF_8));
  }

  /** Asks for a stream from the beginning without waiting for the answer. */
  public void requestStream(int vbucket, long end) throws IOException {
    byte[] extras = ByteBuffer.allocate(48).putLong(16, end).array();
    send(0x80, 0x53, vbucket, 0, 0, 0, extras, new byte[0], new byte[0]);
  }

  /** Acknowledges without waiting: a good acknowledgement has no answer. */
  public void acknowledge(int bytes) throws IOException {
    send(
        0x80,
        0x5d,
        0,
        0,
        0,
        0,
        ByteBuffer.allocate(4).putInt(bytes).array(),
        new byte[0],
        new byte[0]);
  }

  public Frame set(int vbucket, byte[] key, String value) throws IOException {
    return call(0x01, vbucket, 0, new byte[8], key, value.getBytes(StandardCharsets.UTF_8));
  }

  public Frame call(int opcode, String key, String value) throws IOException {
    return call(opcode, 0, 0, "", key, value.getBytes(StandardCharsets.UTF_8));
  }

  public Frame call(int opcode, int vbucket, int opaque, String extras, String key, byte[] value)
      throws IOException {
    return call(
        opcode,
        vbucket,
        opaque,
        HexFormat.of().parseHex(extras),
        key.getBytes(StandardCharsets.UTF_8),
        value);
  }

  public Frame call(int opcode, int vbucket, int opaque, byte[] extras, byte[] key, byte[] value)
      throws IOException {
    send(0x80, opcode, vbucket, 0, opaque, 0, extras, key, value);
    return reply(opcode);
  }

  public void send(
      int magic,
      int opcode,
      int vbucketOrStatus,
      int datatype,
      int opaque,
      long cas,
      byte[] extras,
      byte[] key,
      byte[] value)
      throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(24 + extras.length + key.length + value.length);
    frame.put((byte) magic).put((byte) opcode).putShort((short) key.length);
    frame.put((byte) extras.length).put((byte) datatype).putShort((short) vbucketOrStatus);
    frame.putInt(extras.length + key.length + value.length).putInt(opaque).putLong(cas);
    frame.put(extras).put(key).put(value);
    sendRaw(frame.array());
  }

  /** Sends bytes that need not be a frame. */
  public void sendRaw(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
  }

  /** The next response to this command; DCP messages before it are kept for {@link #arrived}. */
  public Frame reply(int opcode) throws IOException {
    while (true) {
      Frame frame = read();
      if (frame.isMessage()) {
        messages.add(frame);
      } else if (frame.opcode() == opcode) {
        return frame;
      } else {
        throw new IOException("expected a response to 0x%x, got %s".formatted(opcode, frame));
      }
    }
  }

  /** The next DCP message; responses before it are skipped. */
  public Frame message() throws IOException {
    if (!messages.isEmpty()) {
      return messages.remove(0);
    }
    Frame frame = read();
    while (!frame.isMessage()) {
      frame = read();
    }
    return frame;
  }

  /** All DCP messages until the end of a stream, in words. */
  public List<String> untilEnd() throws IOException {
    List<String> words = new ArrayList<>();
    Frame frame;
    do {
      frame = message();
      words.add(frame.words());
    } while (frame.opcode() != 0x55);
    return words;
  }

  /**
   * All DCP messages that the node sends without being asked again.
   *
   * <p>The node answers a connection in order, and what it has to send it sends between two
   * requests, so two round trips are enough to know.
   */
  public List<Frame> arrived() throws IOException {
    call(0x0a, "", "");
    call(0x0a, "", "");
    List<Frame> all = List.copyOf(messages);
    messages.clear();
    return all;
  }

  public List<String> arrivedWords() throws IOException {
    return arrived().stream().map(Frame::words).toList();
  }

  /** Whether the node closes the connection, whatever it sends before. */
  public boolean isClosedByNode() throws IOException {
    untilClosed();
    return true;
  }

  /** All that the node sends until it closes the connection. */
  public List<Frame> untilClosed() throws IOException {
    List<Frame> frames = new ArrayList<>();
    try {
      while (true) {
        frames.add(read());
      }
    } catch (EOFException | SocketException closed) {
      return frames;
    }
  }

  private Frame read() throws IOException {
    byte[] header = new byte[24];
    in.readFully(header);
    ByteBuffer fields = ByteBuffer.wrap(header);
    int magic = fields.get() & 0xff;
    int opcode = fields.get() & 0xff;
    int lengths = fields.getShort() & 0xffff;
    boolean flexible = magic == 0x08;
    byte[] frameInfo = new byte[flexible ? lengths >> 8 : 0];
    byte[] key = new byte[flexible ? lengths & 0xff : lengths];
    byte[] extras = new byte[fields.get() & 0xff];
    int datatype = fields.get();
    int statusOrVBucket = fields.getShort() & 0xffff;
    byte[] value = new byte[fields.getInt() - frameInfo.length - key.length - extras.length];
    int opaque = fields.getInt();
    long cas = fields.getLong();
    in.readFully(frameInfo);
    in.readFully(extras);
    in.readFully(key);
    in.readFully(value);
    return new Frame(
        magic, opcode, datatype, statusOrVBucket, opaque, cas, frameInfo, extras, key, value);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
