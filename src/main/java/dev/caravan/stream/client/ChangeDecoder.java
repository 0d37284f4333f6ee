// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.buffer.ByteBufUtil;
import com.couchbase.client.dcp.highlevel.internal.KeyExtractor;
import com.couchbase.client.dcp.message.DcpMutationMessage;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.state.PartitionState;
import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.stream.change.DcpChange;
import dev.caravan.stream.change.EventSource;
import dev.caravan.stream.change.Keyspace;
import dev.caravan.stream.progress.Position;
import java.nio.charset.StandardCharsets;

/**
 * Finds the parts of one mutation, deletion or expiration (kv_engine,
 * docs/dcp/documentation/commands/mutation.md):
 *
 * <pre>
 * | header: 24 bytes | extras | collection, LEB128 | document id | value |
 * </pre>
 *
 * The collection's number is there only if the stream's keys have one. Neither keeps nor releases
 * the buffer; used by one thread, for one event.
 */
final class ChangeDecoder {
  private static final byte[] NO_VALUE = new byte[0];

  private final ByteBuf event;
  private final Keyspace keyspace;
  private final int keyStart;
  private final int idStart;
  private final int idEnd;

  ChangeDecoder(ByteBuf event, PartitionState state, Keyspaces keyspaces) {
    this.event = event;
    int start = MessageUtil.HEADER_SIZE + event.getByte(MessageUtil.EXTRAS_LENGTH_OFFSET);
    this.keyStart = start;
    this.idEnd = start + event.getShort(MessageUtil.KEY_LENGTH_OFFSET);
    long collectionId = 0;
    if (state.getKeyExtractor() == KeyExtractor.COLLECTIONS) {
      int shift = 0;
      byte next;
      do {
        next = event.getByte(start++);
        collectionId |= (long) (next & 0x7f) << shift;
        shift += 7;
      } while (next < 0);
    }
    this.idStart = start;
    this.keyspace =
        keyspaces.of(MessageUtil.getVbucket(event), state.getCollectionsManifest(), collectionId);
  }

  Keyspace keyspace() {
    return keyspace;
  }

  /** Stands for the document id with its collection. */
  long keyHash() {
    return KeyHash.of(event, keyStart, idEnd);
  }

  /** The change itself; its value is copied, still compressed. */
  DcpChange change(EventSource source, ChannelFlowController window, Position position) {
    byte opcode = event.getByte(1);
    boolean mutation = opcode == MessageUtil.DCP_MUTATION_OPCODE;
    int valueSize = event.readableBytes() - idEnd;
    return new DcpChange(
        source,
        window,
        event.readableBytes(),
        position,
        keyspace,
        event.toString(idStart, idEnd - idStart, StandardCharsets.UTF_8),
        opcode,
        MessageUtil.getDataType(event),
        DcpMutationMessage.revisionSeqno(event),
        MessageUtil.getCas(event),
        mutation ? DcpMutationMessage.flags(event) : 0,
        mutation ? Integer.toUnsignedLong(DcpMutationMessage.expiry(event)) : 0,
        valueSize == 0 ? NO_VALUE : ByteBufUtil.getBytes(event, idEnd, valueSize));
  }
}
