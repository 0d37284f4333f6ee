// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.RecordedNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Section 08 of answers-protocol.txt: what a stream carries, byte lengths included. */
class StreamContentTest extends RecordedNode {
  private static final int VBUCKET = 5;
  private static final int NO_VALUE = 0x9;
  private static final int DELETE_TIMES = 0x21;

  private static final List<String> EVENTS =
      List.of(
          "[58 bytes] SYSTEM_EVENT seq=1 event=3 version=0 key=inventory"
              + " value=000000000000000100000008",
          "[55 bytes] SYSTEM_EVENT seq=2 event=3 version=0 key=tenant"
              + " value=000000000000000200000009",
          "[60 bytes] SYSTEM_EVENT seq=3 event=0 version=0 key=airline"
              + " value=00000000000000030000000800000008",
          "[58 bytes] SYSTEM_EVENT seq=4 event=0 version=0 key=hotel"
              + " value=00000000000000040000000800000009",
          "[58 bytes] SYSTEM_EVENT seq=5 event=0 version=0 key=users"
              + " value=0000000000000005000000090000000a",
          "[65 bytes] SYSTEM_EVENT seq=6 event=0 version=1 key=bookings"
              + " value=0000000000000006000000090000000b00015180");
  private static final List<String> DOCUMENTS =
      List.of(
          mutation(66, 7, "\\x00k80"),
          mutation(66, 8, "\\x00k98"),
          mutation(67, 9, "\\x00k183"),
          mutation(67, 10, "\\x00k356"),
          mutation(67, 11, "\\x00k362"));
  private static final String END = "[28 bytes] STREAM_END reason=0";

  private static String mutation(int length, long seqno, String key) {
    return "[%d bytes] MUTATION seq=%d rev=1 flags=0x0 exp=0 lock=0 nmeta=0 nru=2 dt=1 key=%s val=7:{\"x\":1}"
        .formatted(length, seqno, key);
  }

  @SafeVarargs
  private static List<String> sequence(String marker, List<String>... parts) {
    ArrayList<String> all = new ArrayList<>();
    all.add("[44 bytes] SNAPSHOT_MARKER v1 " + marker);
    for (List<String> part : parts) {
      all.addAll(part);
    }
    return all;
  }

  private List<String> stream(long start, long end, int flags, String filter) throws IOException {
    try (RawClient client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures())) {
      Frame answer =
          client.stream(VBUCKET, flags, start, end, bucket.vbuuid(VBUCKET), start, start, filter);
      assertThat(answer.status()).isZero();
      return client.untilEnd();
    }
  }

  /**
   * "collections on, value "" -> all collections", "NO value field at all", "uid ahead of server".
   */
  @Test
  void withoutAFilterEverythingIsSent() throws IOException {
    List<String> all = sequence("0-11 flags=0x6", EVENTS, DOCUMENTS, List.of(END));
    assertThat(stream(0, 11, 0, "")).isEqualTo(all);
    assertThat(stream(0, 11, 0, "{\"uid\":\"ffff\"}")).isEqualTo(all);
  }

  /** 07: "mid snapshot start=3 snap 2..high"; the marker starts at the requested seqno. */
  @Test
  void aStreamGoesOnAfterItsStart() throws IOException {
    assertThat(stream(8, 11, 0, ""))
        .isEqualTo(sequence("8-11 flags=0x6", DOCUMENTS.subList(2, 5), List.of(END)));
  }

  /** "value {}-less filter on default collection only". */
  @Test
  void theDefaultCollectionHasNoEvents() throws IOException {
    assertThat(stream(0, 11, 0, "{\"collections\":[\"0\"]}"))
        .isEqualTo(sequence("0-11 flags=0x6", DOCUMENTS, List.of(END)));
  }

  /** "OSO": a node that may send out of order need not. */
  @Test
  void whoMayGetThingsOutOfOrderGetsThemInOrder() throws IOException {
    try (RawClient client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures())) {
      assertThat(client.control("enable_out_of_order_snapshots", "true").status()).isZero();
      client.stream(VBUCKET, 0, 0, 11, 0, 0, 0, "{\"collections\":[\"0\"]}");
      assertThat(client.untilEnd()).isEqualTo(sequence("0-11 flags=0x6", DOCUMENTS, List.of(END)));
    }
  }

  /** "filter on collection 8 (no docs in this vb)". */
  @Test
  void aSnapshotWhoseEndIsFilteredOutIsAdvancedOver() throws IOException {
    assertThat(stream(0, 11, 0, "{\"collections\":[\"8\"]}"))
        .isEqualTo(
            sequence(
                "0-11 flags=0x6", List.of(EVENTS.get(2), "[32 bytes] SEQNO_ADVANCED seq=11", END)));
  }

  /**
   * couchbase-kv/README.md "What a stream carries": a disk snapshot filtered wholly gets
   * SEQNO_ADVANCED too.
   */
  @Test
  void aSnapshotThatIsFilteredOutWhollyIsAdvancedOver() throws IOException {
    assertThat(stream(6, 11, 0, "{\"scope\":\"9\"}"))
        .isEqualTo(sequence("6-11 flags=0x6", List.of("[32 bytes] SEQNO_ADVANCED seq=11", END)));
  }

  @Test
  void aScopeHasTheEventsAndDocumentsOfItsCollections() throws IOException {
    bucket.collection("inventory", "hotel").upsert("k80", "{\"x\":1}");
    assertThat(stream(0, 12, 0, "{\"scope\":\"8\"}"))
        .isEqualTo(
            sequence(
                "0-12 flags=0x6",
                List.of(EVENTS.get(0), EVENTS.get(2), EVENTS.get(3)),
                List.of(mutation(66, 12, "\\x09k80"), END)));
  }

  /** "HELLO without collections". */
  @Test
  void aClientWithoutCollectionsGetsTheDefaultOneWithPlainKeys() throws IOException {
    try (RawClient client = RawClient.dcp(node, "probe", 1, 0x07)) {
      client.stream(VBUCKET, 0, 11);
      assertThat(client.untilEnd())
          .isEqualTo(
              sequence(
                  "0-11 flags=0x6",
                  List.of(
                      mutation(65, 7, "k80"),
                      mutation(65, 8, "k98"),
                      mutation(66, 9, "k183"),
                      mutation(66, 10, "k356"),
                      mutation(66, 11, "k362"),
                      END)));
    }
  }

  /** "end < high (end=8)": an end doesn't cut a snapshot. */
  @Test
  void theSnapshotThatHoldsTheEndIsSentWhole() throws IOException {
    assertThat(stream(0, 8, 0, ""))
        .isEqualTo(sequence("0-11 flags=0x6", EVENTS, DOCUMENTS, List.of(END)));
  }

  /** "start==end==high", "LATEST flag 0x4, end=infinity", "DISKONLY flag 0x2". */
  @Test
  void streamsEndWhereTheyWereAskedTo() throws IOException {
    List<String> all = sequence("0-11 flags=0x6", EVENTS, DOCUMENTS, List.of(END));
    assertThat(stream(11, 11, 0, "")).containsExactly(END);
    assertThat(stream(0, -1, 0x4, "")).isEqualTo(all);
    assertThat(stream(0, -1, 0x2, "")).isEqualTo(all);
  }

  /** "flags NO_VALUE (open 0x8)". */
  @Test
  void aClientMayDoWithoutValues() throws IOException {
    try (RawClient client = RawClient.dcp(node, "probe", NO_VALUE, RawClient.dcpFeatures())) {
      client.stream(VBUCKET, 10, 11);
      assertThat(client.stream(VBUCKET, 0, 10, 11, bucket.vbuuid(VBUCKET), 10, 10, "").status())
          .isZero();
      assertThat(client.untilEnd())
          .contains(
              "[60 bytes] MUTATION seq=11 rev=1 flags=0x0 exp=0 lock=0 nmeta=0 nru=2 dt=0"
                  + " key=\\x00k362 val=0:");
    }
  }

  /**
   * "deletes/expiries: delete k0, expire k1", by what the client asked for at open and by control.
   */
  @Test
  void deletionsAndExpirationsLookAsTheClientAskedFor() throws IOException {
    long now = Instant.now().getEpochSecond();
    bucket.delete("k80");
    bucket.defaultCollection().expire("k98");
    assertThat(tombstones(1, false))
        .containsExactly(
            "[46 bytes] DELETION v1 seq=12 rev=2 nmeta=0 dt=0 key=\\x00k80 val=0",
            "[46 bytes] DELETION v1 seq=13 rev=2 nmeta=0 dt=0 key=\\x00k98 val=0");
    assertThat(tombstones(1, true)).isEqualTo(tombstones(1, false));
    assertThat(tombstones(DELETE_TIMES, false))
        .satisfiesExactly(
            w -> assertThat(w).startsWith("[49 bytes] DELETION v2 seq=12 rev=2 delete_time="),
            w -> assertThat(w).startsWith("[49 bytes] DELETION v2 seq=13 rev=2 delete_time="));
    assertThat(tombstones(DELETE_TIMES, true))
        .satisfiesExactly(
            w -> assertThat(w).startsWith("[49 bytes] DELETION v2 seq=12 rev=2 delete_time="),
            w -> {
              assertThat(w).startsWith("[48 bytes] EXPIRATION seq=13 rev=2 delete_time=");
              assertThat(Long.parseLong(w.split("[= ]")[8])).isBetween(now, now + 60);
            });
  }

  private List<String> tombstones(int openFlags, boolean expiryOpcode) throws IOException {
    try (RawClient client = RawClient.dcp(node, "probe", openFlags, RawClient.dcpFeatures())) {
      if (expiryOpcode) {
        client.control("enable_expiry_opcode", "true");
      }
      client.stream(VBUCKET, 0, 13);
      return client.untilEnd().stream()
          .filter(w -> w.contains("DELETION") || w.contains("EXPIRATION"))
          .toList();
    }
  }

  /**
   * couchbase-kv/README.md: expired documents still stream as mutations, and a disk backfill then
   * deletes them.
   */
  @Test
  void aBackfillExpiresWhatIsDue() throws IOException {
    bucket.defaultCollection().upsert("k80", "1".getBytes(StandardCharsets.UTF_8), 1_000_000_000);
    bucket.openCheckpoints();
    try (RawClient client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures())) {
      client.stream(VBUCKET, 0, 11, -1, bucket.vbuuid(VBUCKET), 11, 11, "");
      assertThat(client.arrivedWords())
          .containsExactly(
              "[44 bytes] SNAPSHOT_MARKER v1 11-12 flags=0x6",
              "[60 bytes] MUTATION seq=12 rev=2 flags=0x0 exp=1000000000 lock=0 nmeta=0 nru=2 dt=1"
                  + " key=\\x00k80 val=1:1",
              "[44 bytes] SNAPSHOT_MARKER v1 13-13 flags=0x5",
              "[46 bytes] DELETION v1 seq=13 rev=3 nmeta=0 dt=0 key=\\x00k80 val=0");
    }
  }

  /** "without SNAPPY hello (server inflates)", "without JSON hello": SNAPSHOT_MARKER 14-15 0x5. */
  @Test
  void whatIsStillInMemoryComesAsAMemorySnapshot() throws IOException {
    bucket.upsert("k80", "{\"x\":1}");
    bucket.openCheckpoints();
    bucket.upsert("k98", "{\"x\":1}");
    bucket.upsert("k183", "{\"x\":1}");
    assertThat(stream(12, 14, 0, "").get(0))
        .isEqualTo("[44 bytes] SNAPSHOT_MARKER v1 12-14 flags=0x5");
    assertThat(stream(13, 14, 0, "").get(0))
        .isEqualTo("[44 bytes] SNAPSHOT_MARKER v1 13-14 flags=0x5");
    assertThat(stream(11, 14, 0, "").get(0))
        .isEqualTo("[44 bytes] SNAPSHOT_MARKER v1 11-14 flags=0x6");
  }

  /** "v7 + flatbuffers_system_events", by an event that the recording has with this very uid. */
  @Test
  void collectionEventsComeAsFlatBuffersToThoseWhoAskForThem() throws IOException {
    try (RawClient client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures())) {
      client.control("v7_dcp_status_codes", "true");
      client.control("flatbuffers_system_events", "true");
      bucket.recreate(VBUCKET);
      client.stream(VBUCKET, 0, 5);
      assertThat(client.untilEnd())
          .contains(
              "[83 bytes] SYSTEM_EVENT seq=2 event=3 version=2 key=tenant value=1000000000000a00"
                  + "0c000000040008000a00000009000000040000000600000074656e616e740000",
              "[90 bytes] SYSTEM_EVENT seq=5 event=0 version=2 key=users value=1400000010001000"
                  + "000004000800000000000c0010000000090000000a000000040000000500000075736572"
                  + "73000000");
      bucket.dropCollection("inventory", "airline");
      long high = bucket.highSeqno(VBUCKET);
      client.stream(VBUCKET, 0, high);
      assertThat(client.untilEnd())
          .anyMatch(w -> w.contains("event=1 version=2 key= value=") && w.contains("seq=" + high));
    }
  }

  /**
   * "live changes on an open stream"; couchbase-kv/README.md: live writes that are filtered out
   * send nothing.
   */
  @Test
  void liveChangesComeAsMemorySnapshots() throws IOException {
    try (RawClient client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures())) {
      String filter = "{\"collections\":[\"0\"]}";
      client.stream(VBUCKET, 0, 11, -1, bucket.vbuuid(VBUCKET), 11, 11, filter);
      assertThat(client.arrivedWords()).isEmpty();
      bucket.upsert("k80", "{\"live\":1}");
      assertThat(client.arrivedWords())
          .containsExactly(
              "[44 bytes] SNAPSHOT_MARKER v1 11-12 flags=0x5",
              "[69 bytes] MUTATION seq=12 rev=2 flags=0x0 exp=0 lock=0 nmeta=0 nru=2 dt=1"
                  + " key=\\x00k80 val=10:{\"live\":1}");
      bucket.collection("inventory", "hotel").upsert("k80", "1");
      assertThat(client.arrivedWords()).isEmpty();
      bucket.upsert("k98", "{\"live\":3}");
      assertThat(client.arrivedWords())
          .containsExactly(
              "[44 bytes] SNAPSHOT_MARKER v1 14-14 flags=0x1",
              "[69 bytes] MUTATION seq=14 rev=2 flags=0x0 exp=0 lock=0 nmeta=0 nru=2 dt=1"
                  + " key=\\x00k98 val=10:{\"live\":3}");
    }
  }
}
