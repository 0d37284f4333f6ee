// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.buffer.Unpooled;
import com.couchbase.client.core.deps.io.netty.channel.embedded.EmbeddedChannel;
import com.couchbase.client.core.deps.io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import com.couchbase.client.core.deps.io.netty.util.ReferenceCountUtil;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.ResponseStatus;
import dev.caravan.stream.persistence.PersistenceMonitor;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What of a connection is kept while changes wait until they are persisted. */
@Tag("unit")
class PersistenceGateTest {
  private static final int READ_BYTES = 64 * 1024;

  private final PersistenceMonitor monitor =
      new PersistenceMonitor(Duration.ofMinutes(1), () -> null, vbucket -> 1);
  private final PersistenceGate gate = new PersistenceGate("localhost:11210", monitor);
  private final EmbeddedChannel channel =
      new EmbeddedChannel(
          new LengthFieldBasedFrameDecoder(Integer.MAX_VALUE, 8, 4, 12, 0, false), gate);

  private static ByteBuf mutation(int vbucket, long seqno) {
    ByteBuf frame = Unpooled.buffer();
    MessageUtil.initRequest(MessageUtil.DCP_MUTATION_OPCODE, frame);
    MessageUtil.setVbucket(vbucket, frame);
    ByteBuf extras = Unpooled.buffer().writeLong(seqno).writeZero(23);
    MessageUtil.setExtras(extras, frame);
    extras.release();
    return frame;
  }

  /** The window counts the bytes of a change, and a read has many changes of other vBuckets. */
  @Test
  void aChangeThatIsHeldKeepsNoneOfWhatWasReadWithIt() {
    ByteBuf read = Unpooled.buffer(READ_BYTES);
    ByteBuf change = mutation(7, 3);
    read.writeBytes(change);
    change.release();
    channel.writeInbound(read);

    assertThat(channel.inboundMessages()).isEmpty();
    assertThat(read.refCnt()).isZero();

    monitor.persisted(7, 3);
    gate.release(7);

    ByteBuf passed = channel.readInbound();
    assertThat(MessageUtil.getVbucket(passed)).isEqualTo((short) 7);
    assertThat(passed.getLong(MessageUtil.HEADER_SIZE)).isEqualTo(3);
    assertThat(passed.refCnt()).isEqualTo(1);
    passed.release();
  }

  @Test
  void nothingIsLeftOfWhatWasHeldWhenTheConnectionEnds() {
    ByteBuf change = mutation(7, 3);
    ByteBuf next = mutation(7, 4);
    channel.writeInbound(change, next);
    channel.close();

    monitor.persisted(7, 4);
    gate.release(7);

    assertThat(channel.inboundMessages()).isEmpty();
    assertThat(change.refCnt()).isZero();
    assertThat(next.refCnt()).isZero();
  }

  private void request(int vbucket, int opaque) {
    ByteBuf frame = Unpooled.buffer();
    MessageUtil.initRequest(MessageUtil.DCP_STREAM_REQUEST_OPCODE, frame);
    MessageUtil.setVbucket(vbucket, frame);
    MessageUtil.setOpaque(opaque, frame);
    channel.writeOutbound(frame);
    channel.releaseOutbound();
  }

  private void answer(int opaque, ResponseStatus status) {
    ByteBuf frame = Unpooled.buffer();
    MessageUtil.initResponse(MessageUtil.DCP_STREAM_REQUEST_OPCODE, frame);
    MessageUtil.setOpaque(opaque, frame);
    frame.setShort(MessageUtil.VBUCKET_OFFSET, status.code());
    channel.writeInbound(frame);
    ReferenceCountUtil.release(channel.readInbound());
  }

  /** Couchbase goes on with the stream that is open, and sends nothing twice. */
  @Test
  void whatIsHeldIsKeptWhenItsStreamIsOpenAlready() {
    channel.writeInbound(mutation(7, 3));
    request(7, 1);
    monitor.persisted(7, 3);
    gate.release(7);
    assertThat(channel.inboundMessages()).isEmpty();
    channel.writeInbound(mutation(7, 4));

    answer(1, ResponseStatus.KEY_EXISTS);
    monitor.persisted(7, 4);
    gate.release(7);

    for (long seqno = 3; seqno <= 4; seqno++) {
      ByteBuf passed = channel.readInbound();
      assertThat(passed.getLong(MessageUtil.HEADER_SIZE)).isEqualTo(seqno);
      passed.release();
    }
  }

  @Test
  void whatIsHeldIsDiscardedWhenItsStreamWasOpenedAgain() {
    channel.writeInbound(mutation(7, 3));
    request(7, 1);
    request(7, 2);
    answer(1, ResponseStatus.valueOf(0));
    channel.writeInbound(mutation(7, 3));
    answer(2, ResponseStatus.KEY_EXISTS);

    monitor.persisted(7, 3);
    gate.release(7);

    ByteBuf passed = channel.readInbound();
    assertThat(passed.getLong(MessageUtil.HEADER_SIZE)).isEqualTo(3);
    passed.release();
    assertThat(channel.inboundMessages()).isEmpty();
  }

  @Test
  void whatWasPersistedBeforeAStreamWasOpenedAgainLetsNothingThrough() {
    monitor.persisted(7, 3);
    request(7, 1);
    answer(1, ResponseStatus.valueOf(0));
    channel.writeInbound(mutation(7, 2));

    // As one that was on its way between two event loops.
    gate.release(7);

    assertThat(channel.inboundMessages()).isEmpty();
  }
}
