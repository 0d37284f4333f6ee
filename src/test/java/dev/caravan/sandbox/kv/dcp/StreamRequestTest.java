// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.Recorded;
import dev.caravan.sandbox.cluster.CouchbaseNode;
import dev.caravan.sandbox.kv.bucket.Bucket;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Section 07 of answers-protocol.txt and couchbase-kv/README.md "Rollback": what a stream request
 * is answered. As in the recording, vBucket 5 of 64 has the high seqno 11: six events and five
 * documents.
 */
class StreamRequestTest {
  private static final int VBUCKET = 5;
  private static final long HIGH = 11;
  private static CouchbaseNode node;
  private static Bucket bucket;
  private static long uuid;
  private RawClient client;

  @BeforeAll
  static void start() throws Exception {
    node = CouchbaseNode.builder().vbuckets(64).bucket("probe").start();
    bucket = node.bucket("probe");
    Recorded.fill(bucket);
    uuid = bucket.vbuuid(VBUCKET);
    assertThat(bucket.highSeqno(VBUCKET)).isEqualTo(HIGH);
  }

  @AfterAll
  static void stop() {
    node.close();
  }

  @BeforeEach
  void connect() throws IOException {
    client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures());
  }

  @AfterEach
  void disconnect() throws IOException {
    client.close();
  }

  /** "XATTRS open flag, noop NOT enabled" and the three after it. */
  @Test
  void streamsOfCollectionsOrXattrsNeedNoop() throws IOException {
    try (RawClient collections = RawClient.ready(node, "probe", RawClient.dcpFeatures());
        RawClient xattrs = RawClient.ready(node, "probe", 0x06, 0x07);
        RawClient plain = RawClient.ready(node, "probe", 0x07)) {
      collections.open("collections", 1);
      xattrs.open("xattrs", 0x5);
      plain.open("plain", 1);
      for (String value : new String[] {"", "{\"uid\":\"0\"}"}) {
        assertThat(collections.stream(VBUCKET, 0, 0, HIGH, 0, 0, 0, value).status())
            .isEqualTo(0x83);
      }
      assertThat(xattrs.stream(VBUCKET, 0, HIGH).status()).isEqualTo(0x83);
      assertThat(plain.stream(VBUCKET, 0, HIGH).status()).isZero();
    }
  }

  /** "vb that does not exist (100)", "vb 2000". */
  @Test
  void aVBucketOfAnotherNodeIsAnsweredWithTheMap() throws IOException {
    assertThat(client.stream(100, 0, 1).status()).isEqualTo(0x07);
    assertThat(client.stream(2000, 0, 1).text()).contains("vBucketServerMap");
  }

  /** "start > end", "snap_start > start", "start > snap_end". */
  @ParameterizedTest
  @CsvSource({"5, 4, 5, 5", "3, 11, 4, 5", "3, 11, 1, 2"})
  void aRangeMustMakeSense(long start, long end, long snapshotStart, long snapshotEnd)
      throws IOException {
    assertThat(client.stream(VBUCKET, 0, start, end, uuid, snapshotStart, snapshotEnd, "").status())
        .isEqualTo(0x22);
  }

  /** "start > high ...", "mid snapshot start=3 ...", "wrong uuid ...", "uuid=0 start=3". */
  @ParameterizedTest
  @CsvSource({
    "right, 0, 12, 12, 12, 11",
    "right, 0, 12, 0, 21, 0",
    "right, 0, 3, 0, 21, 0",
    "wrong, 0, 3, 3, 3, 0",
    "wrong, 0x20, 0, 0, 0, 0",
    "zero, 0, 3, 3, 3, 0",
  })
  void aPositionThatIsNotInTheHistoryRollsBack(
      String whose, String flags, long start, long snapshotStart, long snapshotEnd, long to)
      throws IOException {
    long asked = whose.equals("right") ? uuid : whose.equals("wrong") ? uuid + 1 : 0;
    Frame answer =
        client.stream(
            VBUCKET, Integer.decode(flags), start, -1, asked, snapshotStart, snapshotEnd, "");
    assertThat(answer.status()).isEqualTo(0x23);
    assertThat(ByteBuffer.wrap(answer.value()).getLong()).isEqualTo(to);
  }

  /**
   * "start = high, snap (high .. high+10)", "mid snapshot start=3 snap 2..high", "wrong uuid
   * start=0".
   */
  @ParameterizedTest
  @CsvSource({"right, 11, 11, 21", "right, 3, 2, 11", "wrong, 0, 0, 0"})
  void aPositionInTheHistoryGoesOnAndGetsTheFailoverLog(
      String whose, long start, long snapshotStart, long snapshotEnd) throws IOException {
    long asked = whose.equals("right") ? uuid : uuid + 1;
    Frame answer = client.stream(VBUCKET, 0, start, -1, asked, snapshotStart, snapshotEnd, "");
    assertThat(answer.status()).isZero();
    assertThat(answer.value()).isEqualTo(ByteBuffer.allocate(16).putLong(uuid).putLong(0).array());
  }

  /**
   * couchbase-kv/README.md "Rollback": upper is the seqno at which the next newer branch started.
   */
  @Test
  void anOlderBranchEndsWhereTheNextOneStarted() throws IOException {
    Bucket branched = node.createBucket("branched");
    branched.upsert("k80", "1");
    branched.upsert("k98", "1");
    long old = branched.vbuuid(VBUCKET);
    branched.branch(VBUCKET);
    branched.upsert("k183", "1");
    try (RawClient other = RawClient.dcp(node, "branched", 1, RawClient.dcpFeatures())) {
      Frame beyond = other.stream(VBUCKET, 0, 3, -1, old, 3, 3, "");
      assertThat(beyond.status()).isEqualTo(0x23);
      assertThat(ByteBuffer.wrap(beyond.value()).getLong()).isEqualTo(2);
      Frame within = other.stream(VBUCKET, 0, 2, -1, old, 2, 2, "");
      assertThat(within.status()).isZero();
      assertThat(within.value())
          .isEqualTo(
              ByteBuffer.allocate(32)
                  .putLong(branched.vbuuid(VBUCKET))
                  .putLong(2)
                  .putLong(old)
                  .putLong(0)
                  .array());
    } finally {
      node.dropBucket("branched");
    }
  }

  /** answers-durability-purge.txt, "tombstone purge -> rollback to 0". */
  @Test
  void aPositionBeforeThePurgeSeqnoStartsFromTheBeginning() throws IOException {
    Bucket purged = node.createBucket("purged");
    purged.upsert("k80", "1");
    purged.upsert("k98", "1");
    purged.delete("k80");
    purged.upsert("k183", "1");
    purged.purgeTombstones();
    long branch = purged.vbuuid(VBUCKET);
    try (RawClient other = RawClient.dcp(node, "purged", 1, RawClient.dcpFeatures())) {
      Frame answer = other.stream(VBUCKET, 0, 2, -1, branch, 2, 2, "");
      assertThat(answer.status()).isEqualTo(0x23);
      assertThat(ByteBuffer.wrap(answer.value()).getLong()).isZero();
      assertThat(other.stream(VBUCKET, 0x80, 2, -1, branch, 2, 2, "").status())
          .as("with IGNORE_PURGED 0x80")
          .isZero();
      assertThat(other.stream(6, 0, -1).status()).as("start=0").isZero();
    } finally {
      node.dropBucket("purged");
    }
  }

  /** "bad json" to "unknown json key only"; and what the empty filters mean. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"collections\":| 0x04",
        "{} | 0x04",
        "{\"collections\":[\"ff\"]} | 0x88",
        "{\"scope\":\"ff\"} | 0x8c",
        "{\"scope\":\"8\",\"collections\":[\"8\"]} | 0x04",
        "{\"collections\":\"8\"} | 0x04",
        "{\"collections\":[\"0x8\"]} | 0x04",
        "{\"uid\":\"0\",\"sid\":1} | 0x8d",
        "{\"foo\":\"bar\"} | 0x04",
        "{\"uid\":\"ffff\"} | 0x00",
      })
  void filtersAreChecked(String value, String status) throws IOException {
    assertThat(client.stream(VBUCKET, 0, 0, HIGH, 0, 0, 0, value).status())
        .isEqualTo(Integer.decode(status));
  }

  /** "unknown collection ff": the manifest's uid comes with it. */
  @Test
  void anUnknownCollectionIsAnsweredWithTheManifestThatSaysSo() throws IOException {
    assertThat(client.stream(VBUCKET, 0, 0, HIGH, 0, 0, 0, "{\"collections\":[\"ff\"]}").text())
        .isEqualTo(
            "{\"error\":{\"context\":\"Unknown scope or collection in operation\"},"
                + "\"manifest_uid\":\"6\"}");
  }

  /** "unknown stream flags 0x8000", "flag FROM_LATEST 0x40", "extras 40 bytes (malformed)". */
  @Test
  void malformedRequestsAreExplained() throws IOException {
    assertThat(client.stream(VBUCKET, 0x8000, 0, 1, 0, 0, 0, "").text())
        .contains("Request contains invalid flags");
    assertThat(client.stream(VBUCKET, 0x40, 0, 1, 0, 0, 0, "").status()).isEqualTo(0x04);
    assertThat(client.call(0x53, VBUCKET, 0, new byte[40], new byte[0], new byte[0]).text())
        .contains("Request must include extras of length 48");
  }

  /** "same vb again on the same connection". */
  @Test
  void aVBucketStreamsOnceOnAConnection() throws IOException {
    assertThat(client.stream(VBUCKET, 0, -1).status()).isZero();
    assertThat(client.stream(VBUCKET, 0, -1).status()).isEqualTo(0x02);
  }

  /** 08: "HELLO without collections but with a value". */
  @Test
  void aFilterNeedsCollections() throws IOException {
    try (RawClient plain = RawClient.ready(node, "probe", 0x07, 0x0b)) {
      plain.open("without collections", 1);
      assertThat(plain.stream(VBUCKET, 0, 0, HIGH, 0, 0, 0, "{\"uid\":\"0\"}").text())
          .contains("Request must not include value");
    }
  }
}
