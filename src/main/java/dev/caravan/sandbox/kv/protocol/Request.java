// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.protocol;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.nio.charset.StandardCharsets;

/**
 * One frame that a client sent: a request, or its response to a request of the node.
 *
 * <pre>
 *   magic (1)  opcode (1)  key length (2)                  0x80 request, 0x81 and 0x83 response
 *   magic (1)  opcode (1)  frame info (1)  key length (1)  0x08 request with frame info
 *   extras length (1)  datatype (1)  vBucket, or the status of a response (2)
 *   body length (4)
 *   opaque (4)
 *   CAS (8)
 *   body: frame info, extras, key, value
 * </pre>
 *
 * <p>It reads from the frame's buffer, which the caller owns, so a request must not be used after
 * its handler has returned. All getters that return arrays copy.
 */
public final class Request {
  public static final int HEADER_LENGTH = 24;

  /** The largest value that a real node takes. */
  public static final int MAX_VALUE_LENGTH = 20 * 1024 * 1024;

  public static final int MAGIC_REQUEST = 0x80;
  public static final int MAGIC_RESPONSE = 0x81;
  public static final int MAGIC_FLEXIBLE_REQUEST = 0x08;

  /** A request of the node's own on a connection that isn't DCP, and the client's answer to it. */
  public static final int MAGIC_SERVER_REQUEST = 0x82;

  public static final int MAGIC_CLIENT_RESPONSE = 0x83;

  private static final int FRAME_INFO_BARRIER = 0;
  private static final int FRAME_INFO_DURABILITY = 1;
  private static final int FRAME_INFO_STREAM_ID = 2;
  private static final int FRAME_INFO_TRACE_CONTEXT = 3;
  private static final int FRAME_INFO_IMPERSONATE = 4;
  private static final int FRAME_INFO_PRESERVE_TTL = 5;

  private final ByteBuf frame;
  private final int extrasAt;
  private final int extrasLength;
  private final int keyLength;
  private boolean durable;
  private boolean preserveTtl;
  private boolean unknownFrameInfo;
  private int streamId;

  /**
   * Parses a whole frame.
   *
   * @throws IllegalArgumentException when the lengths contradict each other or the magic is unknown
   */
  public Request(ByteBuf frame) {
    this.frame = frame;
    int frameInfoLength = 0;
    switch (magic()) {
      case MAGIC_REQUEST, MAGIC_RESPONSE, MAGIC_CLIENT_RESPONSE ->
          keyLength = frame.getUnsignedShort(2);
      case MAGIC_FLEXIBLE_REQUEST -> {
        frameInfoLength = frame.getUnsignedByte(2);
        keyLength = frame.getUnsignedByte(3);
      }
      default -> throw new IllegalArgumentException("magic 0x" + Integer.toHexString(magic()));
    }
    extrasLength = frame.getUnsignedByte(4);
    extrasAt = HEADER_LENGTH + frameInfoLength;
    if (extrasAt + extrasLength + keyLength > frame.readableBytes()) {
      throw new IllegalArgumentException(
          "frame info "
              + frameInfoLength
              + ", extras "
              + extrasLength
              + " and key "
              + keyLength
              + " don't fit a frame of "
              + frame.readableBytes()
              + " bytes");
    }
    parseFrameInfo(HEADER_LENGTH, extrasAt);
  }

  private void parseFrameInfo(int from, int to) {
    int at = from;
    while (at < to) {
      int head = frame.getUnsignedByte(at++);
      int id = head >>> 4;
      int length = head & 0xf;
      if (id == 0xf && at < to) {
        id += frame.getUnsignedByte(at++);
      }
      if (length == 0xf && at < to) {
        length += frame.getUnsignedByte(at++);
      }
      switch (id) {
        case FRAME_INFO_DURABILITY -> durable = true;
        case FRAME_INFO_PRESERVE_TTL -> preserveTtl = true;
        case FRAME_INFO_STREAM_ID ->
            streamId = length == Short.BYTES ? frame.getUnsignedShort(at) : 0;
        case FRAME_INFO_BARRIER, FRAME_INFO_TRACE_CONTEXT, FRAME_INFO_IMPERSONATE -> {}
        default -> unknownFrameInfo = true;
      }
      at += length;
    }
  }

  public int magic() {
    return frame.getUnsignedByte(0);
  }

  public int opcode() {
    return frame.getUnsignedByte(1);
  }

  public int datatype() {
    return frame.getUnsignedByte(5);
  }

  public int vbucket() {
    return frame.getUnsignedShort(6);
  }

  public int opaque() {
    return frame.getInt(12);
  }

  public long cas() {
    return frame.getLong(16);
  }

  /** Whether a durability level was asked for. */
  public boolean durable() {
    return durable;
  }

  /** Whether a write is to keep the document's expiry. */
  public boolean preserveTtl() {
    return preserveTtl;
  }

  /** Which of several streams of a vBucket is meant, 0 for none in particular. */
  public int streamId() {
    return streamId;
  }

  public boolean unknownFrameInfo() {
    return unknownFrameInfo;
  }

  public int extrasLength() {
    return extrasLength;
  }

  public int byteExtra(int offset) {
    return frame.getUnsignedByte(extrasAt + offset);
  }

  public int intExtra(int offset) {
    return frame.getInt(extrasAt + offset);
  }

  public long longExtra(int offset) {
    return frame.getLong(extrasAt + offset);
  }

  public int keyLength() {
    return keyLength;
  }

  public byte[] key() {
    return ByteBufUtil.getBytes(frame, extrasAt + extrasLength, keyLength);
  }

  public String keyText() {
    return new String(key(), StandardCharsets.UTF_8);
  }

  public int valueLength() {
    return frame.readableBytes() - extrasAt - extrasLength - keyLength;
  }

  public byte[] value() {
    return ByteBufUtil.getBytes(frame, extrasAt + extrasLength + keyLength, valueLength());
  }

  public String valueText() {
    return new String(value(), StandardCharsets.UTF_8);
  }
}
