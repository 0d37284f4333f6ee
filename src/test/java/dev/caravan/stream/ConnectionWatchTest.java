// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import static org.assertj.core.api.Assertions.assertThat;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.buffer.Unpooled;
import com.couchbase.client.core.deps.io.netty.channel.embedded.EmbeddedChannel;
import com.couchbase.client.dcp.message.MessageUtil;
import org.junit.jupiter.api.Test;

/** What counts as arrived, so that a stream that stops in silence is noticed. */
class ConnectionWatchTest {
  private static final int VBUCKET = 7;

  private final Arrivals arrivals = new Arrivals(1024);

  private static ByteBuf frame(byte opcode, ByteBuf extras) {
    ByteBuf frame = Unpooled.buffer();
    MessageUtil.initRequest(opcode, frame);
    MessageUtil.setVbucket(VBUCKET, frame);
    MessageUtil.setExtras(extras, frame);
    extras.release();
    return frame;
  }

  /** What was held back until it was persisted is gone with its stream, and is to come again. */
  @Test
  void aStreamThatIsOpenedAgainHasArrivedWhereItBegins() {
    EmbeddedChannel channel = new EmbeddedChannel();
    channel
        .pipeline()
        .addLast(
            new ConnectionWatch(
                channel,
                arrivals,
                1 << 20,
                new StreamRequests(vbucket -> null, (stream, history) -> {})));
    channel.writeInbound(
        frame(MessageUtil.DCP_MUTATION_OPCODE, Unpooled.buffer().writeLong(100).writeZero(23)));
    assertThat(arrivals.of(VBUCKET)).isEqualTo(100);

    channel.writeOutbound(
        frame(
            MessageUtil.DCP_STREAM_REQUEST_OPCODE,
            Unpooled.buffer().writeLong(0).writeLong(50).writeZero(32)));

    assertThat(arrivals.of(VBUCKET)).isEqualTo(50);
    channel.finishAndReleaseAll();
  }
}
