// SPDX-License-Identifier: Apache-2.0
package dev.caravan.sandbox.kv.dcp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.caravan.sandbox.RawClient;
import dev.caravan.sandbox.RawClient.Frame;
import dev.caravan.sandbox.Recorded;
import dev.caravan.sandbox.RecordedNode;
import dev.caravan.sandbox.kv.protocol.Xattrs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.xerial.snappy.Snappy;

/**
 * Section 08 of answers-protocol.txt: what a mutation carries besides its key: compressed values,
 * extended attributes, expiries.
 */
class StreamValueTest extends RecordedNode {
  private static final int VBUCKET = 5;
  private static final int XATTRS = 0x5;

  private static final int NO_VALUE = 0x9;

  /**
   * "open flags PRODUCER only", seq 15; "without SNAPPY hello (server inflates)"; "without JSON
   * hello"; "force_value_compression".
   */
  @Test
  void compressedValuesStaySoOnlyForThoseWhoCanReadThem() throws IOException {
    String value = "{\"pad\": \"" + "y".repeat(3000) + "\"}";
    byte[] compressed = Snappy.compress(value);
    try (RawClient writer = RawClient.ready(node, "probe", RawClient.dcpFeatures())) {
      writer.send(
          0x80,
          0x01,
          VBUCKET,
          2,
          0,
          0,
          new byte[8],
          "\0k183".getBytes(StandardCharsets.UTF_8),
          compressed);
      assertThat(writer.reply(0x01).status()).isZero();
    }
    Frame snappy = lastMutation(false, RawClient.dcpFeatures());
    assertThat(snappy.datatype()).isEqualTo(3);
    assertThat(snappy.value()).isEqualTo(compressed);
    assertThat(lastMutation(false, 0x07, 0x0a, 0x12).datatype())
        .as("without JSON hello")
        .isEqualTo(3);
    Frame inflated = lastMutation(false, 0x07, 0x12);
    assertThat(inflated.datatype()).isEqualTo(1);
    assertThat(inflated.text()).isEqualTo(value);
    bucket.upsert("k183", value);
    assertThat(lastMutation(false, RawClient.dcpFeatures()).datatype()).isEqualTo(1);
    Frame forced = lastMutation(true, RawClient.dcpFeatures());
    assertThat(forced.datatype()).isEqualTo(3);
    assertThat(Snappy.uncompress(forced.value())).asString().isEqualTo(value);
    bucket.upsert("k183", "{\"x\":1}");
    assertThat(lastMutation(true, RawClient.dcpFeatures()).datatype())
        .as("not when that would be larger")
        .isEqualTo(1);
  }

  private Frame lastMutation(boolean forceCompression, int... features) throws IOException {
    try (RawClient client = RawClient.dcp(node, "probe", 1, features)) {
      if (forceCompression) {
        client.control("force_value_compression", "true");
      }
      client.stream(VBUCKET, 0, -1);
      List<Frame> frames = client.arrived();
      return frames.get(frames.size() - 1);
    }
  }

  /**
   * couchbase-kv/README.md: "any value read from disk may arrive compressed, even when that is
   * larger".
   */
  @Test
  void valuesFromDiskMayComeCompressedThoughNobodyCompressedThem() throws IOException {
    bucket.compressOnDisk(true);
    Frame fromDisk = lastMutation(false, RawClient.dcpFeatures());
    assertThat(fromDisk.datatype()).isEqualTo(3);
    assertThat(fromDisk.value()).hasSizeGreaterThan("{\"x\":1}".length());
    assertThat(Snappy.uncompress(fromDisk.value())).asString().isEqualTo("{\"x\":1}");
    Frame inflated = lastMutation(false, 0x07, 0x12);
    assertThat(inflated.datatype()).isEqualTo(1);
    assertThat(inflated.text()).isEqualTo("{\"x\":1}");
    try (RawClient client = RawClient.dcp(node, "probe", 1, RawClient.dcpFeatures())) {
      client.stream(VBUCKET, 0, 11, -1, bucket.vbuuid(VBUCKET), 11, 11, "");
      bucket.upsert("k80", "{\"x\":2}");
      assertThat(client.arrived().get(1).datatype()).as("from memory").isEqualTo(1);
    }
  }

  /** couchbase-kv/README.md: deletions drop user xattrs and keep system xattrs (datatype 4). */
  @Test
  void xattrsGoToThoseWhoAskForThem() throws IOException {
    bucket.defaultCollection().upsertWithXattrs("k80", "{\"x\":1}", "_sys", "1", "user", "2");
    byte[] body = "{\"x\":1}".getBytes(StandardCharsets.UTF_8);
    byte[] both = Xattrs.before(body, attributes("_sys", "1", "user", "2"));
    assertThat(last(1).datatype()).isEqualTo(1);
    assertThat(last(1).value()).isEqualTo(body);
    assertThat(last(XATTRS).datatype()).isEqualTo(5);
    assertThat(last(XATTRS).value()).isEqualTo(both);
    assertThat(last(XATTRS | NO_VALUE).value())
        .isEqualTo(Xattrs.before(new byte[0], attributes("_sys", "1", "user", "2")));
    bucket.delete("k80");
    assertThat(last(1).value()).isEmpty();
    assertThat(last(XATTRS).datatype()).isEqualTo(4);
    assertThat(last(XATTRS).value()).isEqualTo(Xattrs.before(new byte[0], attributes("_sys", "1")));
  }

  private static Map<String, String> attributes(String... namesAndValues) {
    Map<String, String> attributes = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      attributes.put(namesAndValues[i], namesAndValues[i + 1]);
    }
    return attributes;
  }

  private Frame last(int openFlags) throws IOException {
    try (RawClient client = RawClient.dcp(node, "probe", openFlags, RawClient.dcpFeatures())) {
      client.stream(VBUCKET, 0, -1);
      List<Frame> frames = client.arrived();
      return frames.get(frames.size() - 1);
    }
  }

  /** answers-durability-purge.txt, "collection maxTTL (bookings, 86400)". */
  @Test
  void aCollectionsTimeToLiveIsTheMutationsExpiry() throws IOException {
    long now = Instant.now().getEpochSecond();
    bucket.collection("tenant", "bookings").upsert("k80", "{\"a\":1}");
    int expiry = ByteBuffer.wrap(last(1).extras()).getInt(20);
    assertThat((long) expiry)
        .isBetween(now + Recorded.BOOKINGS_TTL, now + Recorded.BOOKINGS_TTL + 60);
  }
}
