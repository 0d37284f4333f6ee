// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream;

import static org.assertj.core.api.Assertions.assertThat;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.util.IllegalReferenceCountException;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.offset.MemoryOffsetStore;
import dev.caravan.offset.Offset;
import dev.caravan.stream.StreamSettings.Login;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What becomes of the events that a route is done with. */
class DcpEventTest {
  private static final ChangeSink NOWHERE =
      new ChangeSink() {
        @Override
        public void offer(DcpEvent event) {}

        @Override
        public void wakeUp() {}
      };

  private final AtomicInteger acknowledged = new AtomicInteger();
  private final Progress progress = new Progress();
  private final EventLoops eventLoops = new EventLoops(1);

  private static StreamSettings settings() {
    return new StreamSettings(
        SeedNodes.parse("127.0.0.1:1"),
        null,
        false,
        bucket -> new Login(bucket, ""),
        Set.of(),
        VbucketSelection.parse("all"),
        StreamFrom.BEGINNING,
        StreamTo.INFINITY,
        RollbackPolicy.RESUME,
        false,
        PurgedTombstones.STRICT,
        Duration.ZERO,
        Duration.ZERO,
        1024,
        false,
        false,
        false,
        Duration.ofSeconds(1),
        Duration.ofSeconds(1),
        Duration.ofSeconds(1),
        Duration.ofSeconds(1),
        Duration.ofSeconds(1));
  }

  private DcpSession session() {
    StreamSettings settings = settings();
    return new DcpSession(
        settings,
        new BucketStream(
            "travel",
            settings,
            new StreamStart(StreamFrom.SAVED_OR_BEGINNING),
            new MemoryOffsetStore().of("route"),
            eventLoops,
            NOWHERE),
        progress,
        new StreamEnds(),
        new DcpClientFactory(settings, eventLoops.group()),
        Duration.ZERO,
        NOWHERE,
        new AtomicInteger());
  }

  private DcpChange change(DcpSession session, ChannelFlowController window, long seqno) {
    StreamSnapshot snapshot = new StreamSnapshot(FailoverHistory.of(7), 3, 0);
    Position position = new Position(0, snapshot, seqno, seqno);
    progress.of(0).add(position, seqno, seqno);
    return new DcpChange(
        session,
        window,
        100,
        position,
        new Keyspace("_default", "_default", true),
        "doc",
        MessageUtil.DCP_MUTATION_OPCODE,
        (byte) 0,
        1,
        1,
        0,
        0,
        new byte[0]);
  }

  @Test
  void bytesThatCantBeGivenBackEndTheSessionButTheChangesAreDone() {
    ChannelFlowController broken =
        new ChannelFlowController() {
          @Override
          public void ack(ByteBuf message) {
            throw new IllegalReferenceCountException(0);
          }

          @Override
          public void ack(int bytes) {
            throw new IllegalReferenceCountException(0);
          }
        };
    ChannelFlowController whole =
        new ChannelFlowController() {
          @Override
          public void ack(ByteBuf message) {}

          @Override
          public void ack(int bytes) {
            acknowledged.addAndGet(bytes);
          }
        };
    progress.start(0, new Offset(7, 0, 0, 0, 0), true);
    DcpSession session = session();

    DcpEvent.acknowledge(
        List.of(change(session, whole, 1), change(session, broken, 2), change(session, whole, 3)));

    assertThat(progress.isAcknowledged()).isTrue();
    assertThat(progress.of(0).committable().bySeqno()).isEqualTo(3);
    assertThat(acknowledged).hasValue(200);
    assertThat(session.failure()).isInstanceOf(ConnectionFailure.class);
    session.close().join();
    eventLoops.close();
  }
}
