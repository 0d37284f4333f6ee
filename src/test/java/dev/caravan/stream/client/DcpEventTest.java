// SPDX-License-Identifier: Apache-2.0
package dev.caravan.stream.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.couchbase.client.core.deps.io.netty.buffer.ByteBuf;
import com.couchbase.client.core.deps.io.netty.util.IllegalReferenceCountException;
import com.couchbase.client.dcp.message.MessageUtil;
import com.couchbase.client.dcp.transport.netty.ChannelFlowController;
import dev.caravan.offset.Offset;
import dev.caravan.stream.change.DcpChange;
import dev.caravan.stream.change.DcpEvent;
import dev.caravan.stream.change.EventSource;
import dev.caravan.stream.change.Keyspace;
import dev.caravan.stream.cluster.ConnectionFailure;
import dev.caravan.stream.cluster.NodeConnections;
import dev.caravan.stream.flow.BufferedBytes;
import dev.caravan.stream.flow.DispatchedEvents;
import dev.caravan.stream.progress.AckTracker;
import dev.caravan.stream.progress.Position;
import dev.caravan.stream.progress.StreamSnapshot;
import dev.caravan.stream.rollback.FailoverHistory;
import dev.caravan.stream.settings.SeedNodes;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What becomes of the events that a route is done with. */
@Tag("unit")
class DcpEventTest {
  private final AtomicInteger acknowledged = new AtomicInteger();
  private final AckTracker progress = new AckTracker();
  private final SessionEnd end =
      new SessionEnd(
          new FailureNames(
              "travel", SeedNodes.parse("127.0.0.1"), new NodeConnections(failure -> {})),
          () -> {});
  private final EventSource source =
      new SessionEventSource(
          "travel",
          progress,
          new BufferedBytes(1024, () -> 1),
          new DispatchedEvents(() -> {}),
          end);

  private DcpChange change(ChannelFlowController window, long seqno) {
    StreamSnapshot snapshot = new StreamSnapshot(FailoverHistory.of(7), 3, 0);
    Position position = new Position(0, snapshot, seqno, seqno);
    progress.of(0).add(position, seqno, seqno);
    return new DcpChange(
        source,
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

    DcpEvent.acknowledge(List.of(change(whole, 1), change(broken, 2), change(whole, 3)));

    assertThat(progress.isAcknowledged()).isTrue();
    assertThat(progress.of(0).committable().bySeqno()).isEqualTo(3);
    assertThat(acknowledged).hasValue(200);
    assertThat(end.failure()).isInstanceOf(ConnectionFailure.class);
  }
}
