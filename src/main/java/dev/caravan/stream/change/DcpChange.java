// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.change;

import com.couchbase.client.core.compression.snappy.SnappyCodec;
import com.couchbase.client.dcp.message.ContentAndXattrs;
import com.couchbase.client.dcp.message.DataType;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.stream.progress.Position;
import java.util.Map;

/**
 * One mutation, deletion or expiration as it came over the wire. Immutable, on the heap: no Netty
 * buffer outlives the event loop's callback. The value stays compressed until somebody asks for it,
 * so that what waits in memory is no larger than the flow-control window says.
 */
public final class DcpChange extends DcpEvent {
  private final Keyspace keyspace;
  private final String documentId;
  private final byte opcode;
  private final byte datatype;
  private final long revSeqno;
  private final long cas;
  private final int flags;
  private final long expiry;
  private final byte[] value;

  public DcpChange(
      EventSource source,
      ChannelFlowController window,
      int wireSize,
      Position position,
      Keyspace keyspace,
      String documentId,
      byte opcode,
      byte datatype,
      long revSeqno,
      long cas,
      int flags,
      long expiry,
      byte[] value) {
    super(source, window, wireSize, position);
    this.keyspace = keyspace;
    this.documentId = documentId;
    this.opcode = opcode;
    this.datatype = datatype;
    this.revSeqno = revSeqno;
    this.cas = cas;
    this.flags = flags;
    this.expiry = expiry;
    this.value = value;
  }

  public String scope() {
    return keyspace.scope();
  }

  public String collection() {
    return keyspace.collection();
  }

  public String documentId() {
    return documentId;
  }

  public boolean isMutation() {
    return opcode == MessageUtil.DCP_MUTATION_OPCODE;
  }

  public boolean isExpiration() {
    return opcode == MessageUtil.DCP_EXPIRATION_OPCODE;
  }

  public long revSeqno() {
    return revSeqno;
  }

  public long cas() {
    return cas;
  }

  public int flags() {
    return flags;
  }

  /**
   * When the document expires, in seconds since the epoch; 0 if never, and for deletions and
   * expirations.
   */
  public long expiry() {
    return expiry;
  }

  /** Whether the server says that the document is JSON. */
  public boolean isJson() {
    return DataType.contains(datatype, DataType.JSON);
  }

  /** Whether there are extended attributes. */
  public boolean hasXattrs() {
    return DataType.contains(datatype, DataType.XATTR);
  }

  /**
   * The document without its extended attributes, inflated again on each call; empty for deletions
   * and expirations.
   */
  public byte[] content() {
    return contentAndXattrs().content();
  }

  /** The extended attributes as JSON by name; empty unless they were asked for. */
  public Map<String, String> xattrs() {
    return contentAndXattrs().xattrs();
  }

  private ContentAndXattrs contentAndXattrs() {
    // A server that was asked to send no values may still flag the missing value as compressed.
    boolean compressed = DataType.contains(datatype, DataType.SNAPPY) && value.length > 0;
    byte[] inflated = compressed ? SnappyCodec.instance().decompress(value) : value;
    return inflated.length == 0
        ? new ContentAndXattrs(inflated, Map.of())
        : ContentAndXattrs.parse(datatype, inflated);
  }

  @Override
  public int contentSize() {
    return DataType.contains(datatype, DataType.SNAPPY)
        ? SnappyPreamble.inflatedSize(value)
        : value.length;
  }
}
