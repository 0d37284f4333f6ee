// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.Opcode;
import dev.caravan.sandbox.kv.protocol.Request;
import dev.caravan.sandbox.kv.protocol.Xattrs;
import dev.caravan.sandbox.kv.store.Item;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Arrays;

/**
 * Writes DCP messages one after another into a buffer and charges them to the flow-control window.
 *
 * <p>The caller owns the buffer. Confined to an event loop.
 *
 * <pre>
 *   snapshot marker  extras: start (8) end (8) flags (4)
 *   marker 2.0       extras: 0 (1)   value: as above, max visible (8) high completed (8)
 *   mutation         extras: seqno (8) rev seqno (8) flags (4) expiry (4) lock time (4) 0 (2) nru (1)
 *   deletion v1      extras: seqno (8) rev seqno (8) 0 (2)
 *   deletion v2      extras: seqno (8) rev seqno (8) delete time (4) 0 (1)
 *   expiration       extras: seqno (8) rev seqno (8) delete time (4)
 *   system event     extras: seqno (8) event (4) version (1)   key: name   value: by event
 *   seqno advanced   extras: seqno (8)
 *   stream end       extras: reason (4)
 * </pre>
 */
final class DcpEncoder {
  /** Kind 2, two bytes. */
  private static final int STREAM_ID_FRAME_INFO = 0x22;

  private static final int STREAM_ID_LENGTH = 3;
  private static final int MARKER_LENGTH = 20;
  private static final int LONG_MARKER_LENGTH = 36;
  private static final int LONG_MARKER_VERSION = 0;
  private static final int MUTATION_EXTRAS = 31;
  private static final int DELETION_EXTRAS = 18;
  private static final int DELETION_WITH_TIME_EXTRAS = 21;
  private static final int EXPIRATION_EXTRAS = 20;
  private static final int EVENT_EXTRAS = 13;
  private static final int NRU = 2;
  private static final byte[] NOTHING = {};

  private final DcpSettings settings;
  private final FlowControlWindow window;
  private final int chunkSize;
  private ByteBuf out = Unpooled.EMPTY_BUFFER;

  /**
   * An encoder of one connection.
   *
   * @param chunkSize bytes after which it has no more room in a buffer
   */
  DcpEncoder(DcpSettings settings, FlowControlWindow window, int chunkSize) {
    this.settings = settings;
    this.window = window;
    this.chunkSize = chunkSize;
  }

  /** Writes into this buffer from now on. */
  void into(ByteBuf buffer) {
    out = buffer;
  }

  /** Whether another message may be written: the buffer isn't full and the window is open. */
  boolean hasRoom() {
    return out.readableBytes() < chunkSize && window.isOpen();
  }

  /**
   * Starts a snapshot.
   *
   * @param highCompleted the seqno of the last durable write that it holds completely; it is sent
   *     only to clients that know of durable writes
   */
  void marker(DcpStream stream, long start, long end, int flags, long highCompleted) {
    boolean isLong = settings.longMarkers();
    int extras = isLong ? 1 : MARKER_LENGTH;
    int value = isLong ? LONG_MARKER_LENGTH : 0;
    header(Opcode.DCP_SNAPSHOT_MARKER, stream, extras, 0, Datatype.RAW, value, 0);
    if (isLong) {
      out.writeByte(LONG_MARKER_VERSION);
    }
    out.writeLong(start).writeLong(end).writeInt(flags);
    if (isLong) {
      out.writeLong(end).writeLong(highCompleted);
    }
  }

  void seqnoAdvanced(DcpStream stream, long seqno) {
    header(Opcode.DCP_SEQNO_ADVANCED, stream, Long.BYTES, 0, Datatype.RAW, 0, 0);
    out.writeLong(seqno);
  }

  void end(DcpStream stream, int reason) {
    header(Opcode.DCP_STREAM_END, stream, Integer.BYTES, 0, Datatype.RAW, 0, 0);
    out.writeInt(reason);
  }

  /**
   * Writes an item.
   *
   * @param compressed whether a value is compressed where it is read, even if that makes it larger
   */
  void item(DcpStream stream, Item item, boolean compressed) {
    if (item.isMutation()) {
      mutation(stream, item, compressed);
    } else if (item.isTombstone()) {
      tombstone(stream, item);
    } else {
      event(stream, item);
    }
  }

  private void mutation(DcpStream stream, Item item, boolean compressed) {
    int datatype = item.datatype();
    boolean asStored =
        !settings.noValue()
            && !settings.forceCompression()
            && (!compressed || (datatype & Datatype.SNAPPY) != 0)
            && (datatype & Datatype.XATTR) == 0
            && (settings.snappy() || (datatype & Datatype.SNAPPY) == 0);
    if (asStored) {
      mutationHeader(stream, item, item.valueLength(), datatype);
      int from = keyStart();
      out.writeBytes(item.keyAndValue(), from, item.keyAndValue().length - from);
    } else {
      convertedMutation(stream, item, compressed);
    }
  }

  /** A mutation whose value doesn't go out as it is stored. */
  private void convertedMutation(DcpStream stream, Item item, boolean fromCompressed) {
    boolean hasXattrs = item.hasXattrs();
    int datatype = item.datatype() & Datatype.JSON;
    byte[] value = item.inflatedValue();
    if (hasXattrs) {
      int split = Xattrs.length(value);
      int from = settings.xattrs() ? 0 : split;
      int to = settings.noValue() ? split : value.length;
      value = Arrays.copyOfRange(value, from, to);
      datatype |= settings.xattrs() ? Datatype.XATTR : 0;
    } else if (settings.noValue()) {
      value = NOTHING;
    }
    if (settings.noValue() && !settings.keepsDatatype()) {
      datatype &= Datatype.XATTR;
    }
    boolean wasCompressed = (item.datatype() & Datatype.SNAPPY) != 0;
    if (settings.snappy() && (settings.forceCompression() || wasCompressed || fromCompressed)) {
      byte[] compressed = Datatype.deflate(value);
      if (compressed.length < value.length || (fromCompressed && value.length > 0)) {
        value = compressed;
        datatype |= Datatype.SNAPPY;
      }
    }
    mutationHeader(stream, item, value.length, datatype);
    key(item);
    out.writeBytes(value);
  }

  private void mutationHeader(DcpStream stream, Item item, int valueLength, int datatype) {
    header(
        Opcode.DCP_MUTATION,
        stream,
        MUTATION_EXTRAS,
        item.keyLength() - keyStart(),
        datatype,
        valueLength,
        item.cas());
    out.writeLong(item.seqno()).writeLong(item.revSeqno());
    out.writeInt(item.flags()).writeInt(item.expiry()).writeInt(0).writeShort(0).writeByte(NRU);
  }

  private void tombstone(DcpStream stream, Item item) {
    byte[] value = settings.xattrs() ? item.value() : NOTHING;
    int datatype = value.length > 0 ? item.datatype() : Datatype.RAW;
    int keyLength = item.keyLength() - keyStart();
    if (item.kind() == Item.Kind.EXPIRATION && settings.expirations()) {
      header(
          Opcode.DCP_EXPIRATION,
          stream,
          EXPIRATION_EXTRAS,
          keyLength,
          datatype,
          value.length,
          item.cas());
      out.writeLong(item.seqno()).writeLong(item.revSeqno()).writeInt(item.deleteTime());
    } else {
      int extras = settings.deleteTimes() ? DELETION_WITH_TIME_EXTRAS : DELETION_EXTRAS;
      header(Opcode.DCP_DELETION, stream, extras, keyLength, datatype, value.length, item.cas());
      out.writeLong(item.seqno()).writeLong(item.revSeqno());
      if (settings.deleteTimes()) {
        out.writeInt(item.deleteTime()).writeByte(0);
      } else {
        out.writeShort(0);
      }
    }
    key(item);
    out.writeBytes(value);
  }

  private void event(DcpStream stream, Item item) {
    boolean flat = settings.flatBuffers();
    byte[] value = flat ? FlatBufferPayload.of(item) : item.value();
    int version = flat ? FlatBufferPayload.VERSION : item.eventVersion();
    header(
        Opcode.DCP_SYSTEM_EVENT,
        stream,
        EVENT_EXTRAS,
        item.keyLength(),
        Datatype.RAW,
        value.length,
        0);
    int event =
        switch (item.kind()) {
          case COLLECTION_CREATED -> 0;
          case COLLECTION_DROPPED -> 1;
          case SCOPE_CREATED -> 3;
          default -> 4;
        };
    out.writeLong(item.seqno()).writeInt(event).writeByte(version);
    out.writeBytes(item.keyAndValue(), 0, item.keyLength()).writeBytes(value);
  }

  /** Clients that don't know of collections get keys of the default one without its prefix byte. */
  private int keyStart() {
    return settings.collections() ? 0 : 1;
  }

  private void key(Item item) {
    int from = keyStart();
    out.writeBytes(item.keyAndValue(), from, item.keyLength() - from);
  }

  private void header(
      int opcode,
      DcpStream stream,
      int extras,
      int keyLength,
      int datatype,
      int valueLength,
      long cas) {
    boolean named = stream.streamId() != 0;
    int bodyLength = (named ? STREAM_ID_LENGTH : 0) + extras + keyLength + valueLength;
    out.ensureWritable(Request.HEADER_LENGTH + bodyLength);
    if (named) {
      out.writeByte(Request.MAGIC_FLEXIBLE_REQUEST).writeByte(opcode);
      out.writeByte(STREAM_ID_LENGTH).writeByte(keyLength);
    } else {
      out.writeByte(Request.MAGIC_REQUEST).writeByte(opcode).writeShort(keyLength);
    }
    out.writeByte(extras).writeByte(datatype).writeShort(stream.vbucketId());
    out.writeInt(bodyLength).writeInt(stream.opaque()).writeLong(cas);
    if (named) {
      out.writeByte(STREAM_ID_FRAME_INFO).writeShort(stream.streamId());
    }
    window.charge(Request.HEADER_LENGTH + bodyLength);
  }
}
