// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.buffer.Unpooled;
import com.couchbase.client.core.deps.io.netty.channel.embedded.EmbeddedChannel;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.message.ResponseStatus;
import dev.caravan.offset.Offset;
import dev.caravan.stream.progress.AckTracker;
import dev.caravan.stream.progress.LastReceivedSeqnos;
import dev.caravan.stream.progress.VbucketStream;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What counts as arrived, so that a stream that stops in silence is noticed. */
@Tag("unit")
class ConnectionMonitorTest {
  private static final int VBUCKET = 7;

  private static final int OPAQUE = 11;

  private final LastReceivedSeqnos lastReceived = new LastReceivedSeqnos(1024);
  private EmbeddedChannel channel;

  @BeforeEach
  void connect() {
    AckTracker progress = new AckTracker();
    progress.start(VBUCKET, new Offset(1, 50, 50, 50, 0), true);
    VbucketStream opened =
        new VbucketStream(VBUCKET, progress.of(VBUCKET), (reread, position) -> {});
    channel = new EmbeddedChannel();
    channel
        .pipeline()
        .addLast(
            new ConnectionMonitor(
                channel,
                lastReceived,
                1 << 20,
                new StreamRequests(
                    vbucket -> opened,
                    lastReceived,
                    new MisdirectedRequests("travel", Duration.ofSeconds(10), failure -> {}),
                    (stream, history) -> {})));
  }

  @AfterEach
  void close() {
    channel.finishAndReleaseAll();
  }

  private static ByteBuf frame(byte opcode, ByteBuf extras) {
    ByteBuf frame = Unpooled.buffer();
    MessageUtil.initRequest(opcode, frame);
    MessageUtil.setVbucket(VBUCKET, frame);
    MessageUtil.setOpaque(OPAQUE, frame);
    MessageUtil.setExtras(extras, frame);
    extras.release();
    return frame;
  }

  private void receiveMutation(long seqno) {
    channel.writeInbound(
        frame(MessageUtil.DCP_MUTATION_OPCODE, Unpooled.buffer().writeLong(seqno).writeZero(23)));
  }

  private void requestStream() {
    channel.writeOutbound(
        frame(MessageUtil.DCP_STREAM_REQUEST_OPCODE, Unpooled.buffer().writeZero(48)));
  }

  private void answer(ResponseStatus status) {
    ByteBuf failoverLog = Unpooled.buffer().writeLong(1).writeLong(0);
    ByteBuf frame = Unpooled.buffer();
    MessageUtil.initResponse(MessageUtil.DCP_STREAM_REQUEST_OPCODE, frame);
    MessageUtil.setOpaque(OPAQUE, frame);
    MessageUtil.setContent(failoverLog, frame);
    failoverLog.release();
    frame.setShort(MessageUtil.VBUCKET_OFFSET, status.code());
    channel.writeInbound(frame);
  }

  /** Events that were held back until they were persisted are discarded, and arrive again. */
  @Test
  void aStreamThatIsOpenedAgainHasArrivedWhereItBegins() {
    receiveMutation(100);
    requestStream();

    answer(ResponseStatus.valueOf(0));

    assertThat(lastReceived.of(VBUCKET)).isEqualTo(50);
  }

  /** Couchbase answers the second of two requests like that, and the open stream goes on. */
  @Test
  void aRequestForAStreamThatIsOpenAlreadyChangesNothing() {
    receiveMutation(100);
    requestStream();
    assertThat(lastReceived.of(VBUCKET)).isEqualTo(100);

    answer(ResponseStatus.KEY_EXISTS);

    assertThat(lastReceived.of(VBUCKET)).isEqualTo(100);
  }
}
