// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.store;

import dev.caravan.sandbox.kv.protocol.Datatype;
import dev.caravan.sandbox.kv.protocol.DocumentKey;
import dev.caravan.sandbox.kv.protocol.Xattrs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;

/**
 * One version of a document, or one collection event. It has a seqno in its vBucket.
 *
 * <p>Immutable, so that a stream can send it without a lock while newer versions replace it. It is
 * kept small because a bucket holds millions: key and value lie in one array as they go over the
 * wire, the key with its collection prefix.
 */
public final class Item {
  public enum Kind {
    MUTATION,
    DELETION,
    EXPIRATION,
    COLLECTION_CREATED,
    COLLECTION_DROPPED,
    SCOPE_CREATED,
    SCOPE_DROPPED
  }

  private static final Kind[] KINDS = Kind.values();

  private final byte[] keyAndValue;
  private final short keyLength;
  private final byte kind;
  private final byte datatype;
  private final int flags;
  private final int time;
  private final long seqno;
  private final long revSeqno;
  private final long cas;

  private Item(
      Kind kind,
      byte[] keyAndValue,
      int keyLength,
      int datatype,
      int flags,
      int time,
      long seqno,
      long revSeqno,
      long cas) {
    this.kind = (byte) kind.ordinal();
    this.keyAndValue = keyAndValue;
    this.keyLength = (short) keyLength;
    this.datatype = (byte) datatype;
    this.flags = flags;
    this.time = time;
    this.seqno = seqno;
    this.revSeqno = revSeqno;
    this.cas = cas;
  }

  static Item mutation(
      byte[] keyAndValue,
      int keyLength,
      int datatype,
      int flags,
      int expiry,
      long seqno,
      long revSeqno,
      long cas) {
    return new Item(
        Kind.MUTATION, keyAndValue, keyLength, datatype, flags, expiry, seqno, revSeqno, cas);
  }

  /** The deletion or expiration of a document; system xattrs, when there are any, survive in it. */
  static Item tombstone(
      Kind kind,
      byte[] keyAndValue,
      int keyLength,
      int deleteTime,
      long seqno,
      long rev,
      long cas) {
    int datatype = keyAndValue.length > keyLength ? Datatype.XATTR : Datatype.RAW;
    return new Item(kind, keyAndValue, keyLength, datatype, 0, deleteTime, seqno, rev, cas);
  }

  /** A collection event: the key is a name, or empty; the value is the payload. */
  public static Item event(CollectionEvent event, long seqno, long cas) {
    return new Item(
        event.kind(),
        event.nameAndPayload(),
        event.nameLength(),
        event.version(),
        event.id(),
        0,
        seqno,
        0,
        cas);
  }

  public Kind kind() {
    return KINDS[kind];
  }

  public boolean isEvent() {
    return kind >= Kind.COLLECTION_CREATED.ordinal();
  }

  public boolean isTombstone() {
    return kind == Kind.DELETION.ordinal() || kind == Kind.EXPIRATION.ordinal();
  }

  public boolean isMutation() {
    return kind == Kind.MUTATION.ordinal();
  }

  /** Key, then value. The array is shared and must not be changed. */
  public byte[] keyAndValue() {
    return keyAndValue;
  }

  public int keyLength() {
    return keyLength;
  }

  public int valueLength() {
    return keyAndValue.length - keyLength;
  }

  public byte[] key() {
    return Arrays.copyOf(keyAndValue, keyLength);
  }

  public byte[] value() {
    return Arrays.copyOfRange(keyAndValue, keyLength, keyAndValue.length);
  }

  public int datatype() {
    return datatype;
  }

  public boolean hasXattrs() {
    return (datatype & Datatype.XATTR) != 0;
  }

  /** The extended attributes by name, as JSON texts; empty if there are none. */
  public Map<String, String> xattrs() {
    return hasXattrs() ? Xattrs.parse(inflatedValue()) : Map.of();
  }

  /** The value with its extended attributes, uncompressed. */
  public byte[] inflatedValue() {
    if ((datatype & Datatype.SNAPPY) == 0) {
      return value();
    }
    try {
      return Datatype.inflate(value());
    } catch (IOException e) {
      throw new IllegalStateException("a stored value can't be inflated", e);
    }
  }

  /** The value without extended attributes, uncompressed. */
  public byte[] body() {
    byte[] value = inflatedValue();
    return hasXattrs() ? Arrays.copyOfRange(value, Xattrs.length(value), value.length) : value;
  }

  public int flags() {
    return flags;
  }

  /** The expiry of a mutation in seconds since 1970, 0 for never. */
  public int expiry() {
    return isMutation() ? time : 0;
  }

  /** The time of deletion of a tombstone in seconds since 1970. */
  public int deleteTime() {
    return time;
  }

  public boolean isExpired(long nowSeconds) {
    return time != 0 && isMutation() && Integer.toUnsignedLong(time) <= nowSeconds;
  }

  public long seqno() {
    return seqno;
  }

  public long revSeqno() {
    return revSeqno;
  }

  public long cas() {
    return cas;
  }

  /** The version of an event's payload. */
  public int eventVersion() {
    return datatype;
  }

  /** The collection that a document is in. */
  public int collectionId() {
    return DocumentKey.collectionId(keyAndValue);
  }

  /** The collection or scope of an event. */
  public int eventId() {
    return flags;
  }

  /** The scope of an event or of its collection. */
  public int eventScopeId() {
    return ByteBuffer.wrap(keyAndValue).getInt(keyLength + Long.BYTES);
  }
}
