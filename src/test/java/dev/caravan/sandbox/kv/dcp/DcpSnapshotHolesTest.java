// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.Recorded;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import dev.caravan.sandbox.kv.bucket.ServedBucket;
import dev.caravan.sandbox.kv.bucket.VBucketReplica;
import dev.caravan.sandbox.kv.protocol.Opcode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * answers-rollback.txt: snapshots with holes, what a loss of persistence takes away, and which
 * stream requests are accepted afterwards. As in the recording, seqnos 1 to 6 are events.
 */
class DcpSnapshotHolesTest {
  private static final int VBUCKET = 0;
  private static final String END = "END";

  private CouchbaseNode node;
  private Bucket bucket;
  private RawClient client;

  @BeforeEach
  void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(1).bucket("probe").failoverLogEntries(5).start();
    bucket = node.bucket("probe");
    Recorded.createCollections(bucket);
    client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures());
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    node.close();
  }

  private void write(String... ids) {
    for (String id : ids) {
      bucket.upsert(id, "x");
    }
  }

  /** Loses what comes after the present, as the recordings do: no persistence, then a kill. */
  private void loseWhatIsWrittenBy(Runnable writes) {
    bucket.stopPersistence(0);
    writes.run();
    bucket.crash(0);
  }

  /** A message as "10-13 0x1" for a marker, "9 K=v1" for a mutation, or the number of an event. */
  private static String brief(Frame frame) {
    ByteBuffer in = ByteBuffer.wrap(frame.extras());
    return switch (frame.opcode()) {
      case Opcode.DCP_SNAPSHOT_MARKER ->
          "%d-%d 0x%x".formatted(in.getLong(), in.getLong(), in.getInt());
      case Opcode.DCP_MUTATION ->
          "%d %s=%s"
              .formatted(
                  in.getLong(),
                  new String(frame.key(), 1, frame.key().length - 1, StandardCharsets.UTF_8),
                  frame.text());
      case Opcode.DCP_SYSTEM_EVENT -> String.valueOf(in.getLong());
      case Opcode.DCP_STREAM_END -> END;
      default -> frame.words();
    };
  }

  private List<String> arrived() throws IOException {
    return arrived(client);
  }

  private static List<String> arrived(RawClient from) throws IOException {
    return from.arrived().stream().map(DcpSnapshotHolesTest::brief).toList();
  }

  private void open(long start) throws IOException {
    assertThat(
            client.stream(VBUCKET, 0, start, -1, bucket.vbuuid(VBUCKET), start, start, "").status())
        .isZero();
  }

  /** What a stream request is answered: "rollback 8", "ERANGE", or what the stream sends. */
  private List<String> ask(long uuid, long start, long snapshotStart, long snapshotEnd)
      throws IOException {
    try (RawClient other = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures())) {
      Frame answer = other.stream(VBUCKET, 0, start, -1, uuid, snapshotStart, snapshotEnd, "");
      if (answer.status() == 0x23) {
        return List.of("rollback " + ByteBuffer.wrap(answer.value()).getLong());
      }
      if (answer.status() == 0x22) {
        return List.of("ERANGE");
      }
      assertThat(answer.status()).isZero();
      assertThat(answer.value()).isEqualTo(failoverLog());
      return arrived(other);
    }
  }

  private byte[] failoverLog() {
    ServedBucket served = bucket.servedBy(0);
    return served.failoverLog(served.vbucket(VBUCKET));
  }

  /** The seqnos of the failover log, newest first. */
  private List<Long> log() {
    ByteBuffer log = ByteBuffer.wrap(failoverLog());
    List<Long> seqnos = new ArrayList<>();
    while (log.hasRemaining()) {
      log.getLong();
      seqnos.add(log.getLong());
    }
    return seqnos;
  }

  /** T1, "dedup: k@5 persisted, k again @8 lost". */
  @Test
  void aVersionThatWasSupersededByALostOneComesBack() throws IOException {
    long old = bucket.vbuuid(VBUCKET);
    write("a1", "a2", "a3", "a4");
    bucket.upsert("K", "v1");
    write("a6", "a7");
    bucket.stopPersistence(0);
    bucket.upsert("K", "v2");
    write("b9", "b10");
    open(0);
    List<String> persisted =
        List.of("7 a1=x", "8 a2=x", "9 a3=x", "10 a4=x", "11 K=v1", "12 a6=x", "13 a7=x");
    List<String> events = List.of("1", "2", "3", "4", "5", "6");
    assertThat(arrived())
        .as("from disk what is persisted, then what is in memory")
        .isEqualTo(
            sequence(
                "0-13 0x6",
                events,
                persisted,
                List.of("14-16 0x5", "14 K=v2", "15 b9=x", "16 b10=x")));
    bucket.crash(0);
    assertThat(arrived()).containsExactly(END);
    assertThat(log()).containsExactly(13L, 0L);
    List<String> after7 = persisted.subList(1, 7);
    List<String> after8 = persisted.subList(2, 7);
    assertThat(ask(old, 7, 0, 10)).as("as rule 4 (Y=7)").isEqualTo(sequence("0-13 0x6", after7));
    assertThat(ask(old, 7, 7, 7)).as("CLAIM Y..Y").isEqualTo(sequence("7-13 0x6", after7));
    assertThat(ask(bucket.vbuuid(VBUCKET), 7, 7, 7))
        .as("NEW uuid, Y..Y")
        .isEqualTo(sequence("7-13 0x6", after7));
    assertThat(ask(old, 7, 4, 10)).isEqualTo(sequence("4-13 0x6", after7));
    assertThat(ask(old, 4, 4, 4))
        .as("re-read from 4")
        .isEqualTo(sequence("4-13 0x6", List.of("5", "6"), persisted));
    assertThat(ask(old, 0, 0, 0))
        .as("re-read from X=0")
        .isEqualTo(sequence("0-13 0x6", events, persisted));
    assertThat(ask(old, 8, 8, 8)).isEqualTo(sequence("8-13 0x6", after8));
    assertThat(ask(old, 8, 8, 10)).isEqualTo(sequence("8-13 0x6", after8));
    assertThat(ask(old, 8, 5, 10)).isEqualTo(sequence("5-13 0x6", after8));
    assertThat(ask(old, 7, 0, 7)).isEqualTo(sequence("0-13 0x6", after7));
    write("n1");
    bucket.crash(0);
    assertThat(log()).as("2nd failover").containsExactly(14L, 13L, 0L);
    assertThat(ask(old, 7, 0, 10))
        .as("again after crash of client AND 2nd failover")
        .isEqualTo(sequence("0-14 0x6", after7, List.of("14 n1=x")));
    assertThat(ask(0x1234, 7, 0, 10)).as("uuid unknown").containsExactly("rollback 0");
  }

  @SafeVarargs
  private static List<String> sequence(String marker, List<String>... parts) {
    List<String> all = new ArrayList<>();
    all.add(marker);
    for (List<String> part : parts) {
      all.addAll(part);
    }
    return all;
  }

  /** T2, "MEMORY dedup, slow consumer". */
  @Test
  void aSlowStreamGetsASnapshotAsItWasWhenItBegan() throws IOException {
    bucket.crash(0);
    bucket.crash(0);
    long old = bucket.vbuuid(VBUCKET);
    open(6);
    bucket.holdStreams(VBUCKET);
    write("fill0", "fill1");
    bucket.releaseStreams(VBUCKET, 7);
    assertThat(arrived()).containsExactly("6-8 0x5", "7 fill0=x");
    write("fill2", "a1");
    bucket.upsert("K", "v1");
    write("a2", "a3");
    bucket.releaseStreams(VBUCKET, 9);
    assertThat(arrived()).containsExactly("8 fill1=x", "9-13 0x1", "9 fill2=x");
    bucket.openCheckpoints();
    loseWhatIsWrittenBy(
        () -> {
          bucket.upsert("K", "v2");
          write("b1", "b2");
          bucket.releaseStreams(VBUCKET);
          assertThat(awaitedArrivals())
              .containsExactly(
                  "10 a1=x",
                  "11 K=v1",
                  "12 a2=x",
                  "13 a3=x",
                  "14-16 0x5",
                  "14 K=v2",
                  "15 b1=x",
                  "16 b2=x");
        });
    assertThat(arrived()).containsExactly(END);
    assertThat(log()).containsExactly(13L, 6L, 6L, 0L);
    assertThat(ask(old, 13, 9, 13)).as("rule 4").isEmpty();
    assertThat(ask(old, 13, 13, 13)).as("CLAIM Y..Y").isEmpty();
    assertThat(ask(bucket.vbuuid(VBUCKET), 13, 13, 13)).as("NEW uuid Y..Y").isEmpty();
    assertThat(ask(old, 9, 9, 9))
        .as("re-read from X")
        .containsExactly("9-13 0x6", "10 a1=x", "11 K=v1", "12 a2=x", "13 a3=x");
    assertThat(ask(old, 13, 10, 13)).isEmpty();
    assertThat(ask(old, 10, 10, 10)).containsExactly("10-13 0x6", "11 K=v1", "12 a2=x", "13 a3=x");
    assertThat(ask(old, 14, 14, 14)).as("Y+1>F").containsExactly("rollback 13");
    assertThat(ask(old, 15, 10, 13)).as("Y+2>F, snap_start<F").containsExactly("ERANGE");
    assertThat(ask(old, 13, 13, 16)).as("start==snap_start, se>F").isEmpty();
    write("n1");
    bucket.crash(0);
    assertThat(log()).as("2nd failover").containsExactly(14L, 13L, 6L, 6L, 0L);
    assertThat(ask(old, 13, 9, 13))
        .as("same offset after 2nd failover")
        .containsExactly("9-14 0x6", "14 n1=x");
    assertThat(ask(0x1234, 13, 9, 13)).as("uuid unknown").containsExactly("rollback 0");
    assertThat(ask(0x1234, 13, 13, 13)).as("uuid unknown, Y..Y").containsExactly("rollback 0");
  }

  private List<String> awaitedArrivals() {
    try {
      return arrived();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** T4, "hole at the FRONT of a memory snapshot", and T4b. */
  @Test
  void aMarkerStartsAtItsFirstChangeAlsoWhenThereIsAHoleBeforeIt() throws IOException {
    long old = bucket.vbuuid(VBUCKET);
    open(6);
    write("fill0");
    assertThat(arrived()).containsExactly("6-7 0x5", "7 fill0=x");
    bucket.openCheckpoints();
    write("fill1");
    assertThat(arrived()).containsExactly("8-8 0x5", "8 fill1=x");
    bucket.holdStreams(VBUCKET);
    bucket.upsert("K", "v1");
    write("a2", "a3");
    loseWhatIsWrittenBy(
        () -> {
          bucket.upsert("K", "v2");
          write("b2");
          bucket.releaseStreams(VBUCKET);
          assertThat(awaitedArrivals())
              .containsExactly("10-13 0x1", "10 a2=x", "11 a3=x", "12 K=v2", "13 b2=x");
        });
    assertThat(log()).containsExactly(11L, 0L);
    assertThat(ask(old, 11, 10, 13)).as("rule 4").containsExactly("rollback 10");
    assertThat(ask(old, 10, 10, 10))
        .as("re-read from X=10")
        .containsExactly("10-11 0x6", "11 a3=x");
    assertThat(ask(old, 8, 8, 8))
        .as("re-read from previous snapshot end")
        .containsExactly("8-11 0x6", "9 K=v1", "10 a2=x", "11 a3=x");
    assertThat(ask(old, 10, 10, 13)).as("T4b: silent").containsExactly("10-11 0x6", "11 a3=x");
    assertThat(ask(old, 10, 8, 13)).as("T4b: C=8").containsExactly("rollback 8");
  }

  /** T6, "prune, max 3": here the log holds 5. */
  @Test
  void anOldVbuuidIsForgotten() throws IOException {
    long old = bucket.vbuuid(VBUCKET);
    write("a", "b", "c", "d", "e");
    for (int i = 0; i < 4; i++) {
      bucket.crash(0);
    }
    assertThat(log()).containsExactly(11L, 11L, 11L, 11L, 0L);
    assertThat(ask(old, 11, 8, 11)).isEmpty();
    bucket.crash(0);
    assertThat(log()).containsExactly(11L, 11L, 11L, 11L, 11L);
    assertThat(ask(old, 11, 8, 13)).as("old uuid pruned").containsExactly("rollback 0");
    assertThat(ask(old, 11, 11, 11)).as("old uuid pruned Y..Y").containsExactly("rollback 0");
  }

  /**
   * couchbase-kv/README.md "Rollback", both rules after each other: the first answer doesn't know
   * of the purge, as only the start counts; the second one does.
   */
  @Test
  void aPurgeIsToldByTheSecondAnswer() throws IOException {
    long old = bucket.vbuuid(VBUCKET);
    write("a", "b", "c");
    bucket.delete("a");
    write("d", "e", "f");
    bucket.purgeTombstones();
    loseWhatIsWrittenBy(() -> write("lost"));
    assertThat(log()).containsExactly(13L, 0L);
    assertThat(ask(old, 13, 9, 14)).containsExactly("rollback 9");
    assertThat(ask(old, 9, 9, 9)).as("9 is below the purge seqno").containsExactly("rollback 0");
    assertThat(ask(old, 0, 0, 0))
        .containsExactly(
            "0-13 0x6",
            "1",
            "2",
            "3",
            "4",
            "5",
            "6",
            "8 b=x",
            "9 c=x",
            "11 d=x",
            "12 e=x",
            "13 f=x");
  }

  /** A version that was superseded before a backfill came by is missing in it. */
  @Test
  void aDiskSnapshotHasHoles() throws IOException {
    bucket.upsert("K", "v1");
    write("a");
    bucket.upsert("K", "v2");
    bucket.openCheckpoints();
    open(6);
    assertThat(arrived()).containsExactly("6-9 0x6", "8 a=x", "9 K=v2");
  }

  /**
   * A replica that is promoted in the middle of a snapshot has a failover log entry at the start of
   * that snapshot, and what it has received of it is not lost (kv_engine,
   * KVBucket::setVBucketState: the entry is at the snapshot's start if the high seqno isn't its
   * end).
   */
  @Test
  void aPromotionInTheMiddleOfASnapshotBranchesAtItsStart() throws IOException {
    long old = bucket.vbuuid(VBUCKET);
    bucket.upsert("K", "v0");
    write("a");
    VBucketReplica replica = bucket.replica(VBUCKET);
    bucket.upsert("L", "v1");
    write("b", "c");
    bucket.upsert("L", "v2");
    bucket.upsert("K", "v1");
    open(8);
    assertThat(arrived()).containsExactly("8-13 0x5", "10 b=x", "11 c=x", "12 L=v2", "13 K=v1");
    VBucketReplica partly = bucket.receive(replica, 2);
    assertThat(partly.highSeqno()).isEqualTo(11);
    bucket.failOver(partly);
    assertThat(arrived()).containsExactly(END);
    assertThat(log()).containsExactly(8L, 0L);
    assertThat(bucket.highSeqno(VBUCKET)).isEqualTo(11);
    assertThat(ask(old, 13, 13, 13)).containsExactly("rollback 8");
    assertThat(ask(old, 10, 8, 13)).containsExactly("rollback 8");
    assertThat(ask(old, 8, 8, 8)).containsExactly("8-11 0x6", "10 b=x", "11 c=x");
    assertThat(ask(old, 0, 0, 0)).contains("7 K=v0").doesNotContain("9 L=v1");
    write("n");
    assertThat(ask(bucket.vbuuid(VBUCKET), 11, 11, 11)).containsExactly("11-12 0x5", "12 n=x");
  }

  /** A replica that has received all of the snapshot branches at its end. */
  @Test
  void aReplicaThatHasTheWholeSnapshotBranchesAtItsEnd() {
    VBucketReplica replica = bucket.replica(VBUCKET);
    write("a", "b");
    bucket.failOver(bucket.receive(bucket.receive(replica, 1), 1));
    assertThat(log()).containsExactly(8L, 0L);
  }
}
