// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.protocol.Opcode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a stream gets from memory, and how many changes one marker stands for. */
class MemorySnapshotTest {
  private static final int VBUCKET = 0;

  private CouchbaseNode node;
  private Bucket bucket;

  @BeforeEach
  void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(1).bucket("probe").changesInMemory(3).start();
    bucket = node.bucket("probe");
  }

  @AfterEach
  void stop() {
    node.close();
  }

  private RawClient connect() throws IOException {
    return RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures());
  }

  private void write(String... ids) {
    for (String id : ids) {
      bucket.upsert(id, "x");
    }
  }

  private String firstMarker(long start) throws IOException {
    try (RawClient client = connect()) {
      client.stream(VBUCKET, 0, start, -1, bucket.vbuuid(VBUCKET), start, start, "");
      return marker(client.message());
    }
  }

  private static String marker(Frame frame) {
    assertThat(frame.opcode()).isEqualTo(Opcode.DCP_SNAPSHOT_MARKER);
    ByteBuffer in = ByteBuffer.wrap(frame.extras());
    return "%d-%d 0x%x".formatted(in.getLong(), in.getLong(), in.getInt());
  }

  private static List<Long> seqnos(List<Frame> frames) {
    return frames.stream()
        .filter(frame -> frame.opcode() == Opcode.DCP_MUTATION)
        .map(frame -> ByteBuffer.wrap(frame.extras()).getLong())
        .toList();
  }

  @Test
  void aStreamThatGoesOnWithinTheLastChangesGetsThemFromMemory() throws IOException {
    write("a", "b", "c", "d", "e");
    assertThat(firstMarker(2)).isEqualTo("2-5 0x5");
    assertThat(firstMarker(4)).isEqualTo("4-5 0x5");
    assertThat(firstMarker(1)).as("before the last three").isEqualTo("1-5 0x6");
    assertThat(firstMarker(0)).as("from the beginning").isEqualTo("0-5 0x6");
    bucket.openCheckpoints();
    assertThat(firstMarker(4)).as("written before the checkpoint").isEqualTo("4-5 0x6");
    write("f");
    assertThat(firstMarker(4)).isEqualTo("4-6 0x6");
    assertThat(firstMarker(5)).isEqualTo("5-6 0x5");
  }

  /** T1 of answers-rollback.txt: everything is on disk after a restart. */
  @Test
  void nothingIsInMemoryAfterARestart() throws IOException {
    write("a", "b", "c");
    bucket.crash(0);
    assertThat(firstMarker(2)).isEqualTo("2-3 0x6");
    write("d");
    node.stop();
    node.start();
    assertThat(firstMarker(3)).isEqualTo("3-4 0x6");
  }

  /** What isn't persisted can only be in memory, however much it is. */
  @Test
  void whatIsNotPersistedIsInMemory() throws IOException {
    bucket.stopPersistence(0);
    write("a", "b", "c", "d", "e");
    assertThat(firstMarker(0)).isEqualTo("0-5 0x5");
    bucket.resumePersistence(0);
    assertThat(firstMarker(0)).isEqualTo("0-5 0x6");
  }

  /** A client that acknowledges late gets what was written meanwhile under one marker. */
  @Test
  void aFullWindowGathersChanges() throws IOException {
    try (RawClient client = connect()) {
      client.control("connection_buffer_size", "1");
      client.stream(VBUCKET, 0, -1);
      write("a");
      assertThat(marker(client.message())).isEqualTo("0-1 0x5");
      write("b", "c", "b", "d");
      client.acknowledge(1_000_000);
      List<Frame> first = client.arrived();
      assertThat(seqnos(first)).containsExactly(1L);
      client.acknowledge(1_000_000);
      List<Frame> second = client.arrived();
      assertThat(second).hasSize(1);
      assertThat(marker(second.get(0))).as("2 was superseded by 4").isEqualTo("3-5 0x1");
      client.control("connection_buffer_size", "0");
      assertThat(seqnos(client.arrived())).containsExactly(3L, 4L, 5L);
    }
  }

  @Test
  void anIdleStreamMayWaitForFurtherChanges() throws IOException {
    bucket.gatherChanges(Duration.ofMillis(500));
    try (RawClient client = connect()) {
      client.stream(VBUCKET, 0, -1);
      client.arrived();
      write("a", "b", "a", "c");
      assertThat(marker(client.message())).isEqualTo("0-4 0x5");
      assertThat(seqnos(client.arrived())).containsExactly(2L, 3L, 4L);
    }
  }
}
